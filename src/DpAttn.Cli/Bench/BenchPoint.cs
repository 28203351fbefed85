namespace DpAttn.Cli.Bench;

/// <summary>One set of rows and the epsilons to measure at.</summary>
internal sealed record BenchPoint(string Workload, Func<Workload> Make, IReadOnlyList<double> Epsilons)
{
    /// <summary>
    /// The points of a workload that is made: the first number of each list is the base, and the others are measured one at a time with everything else at the base.
    /// </summary>
    public static IEnumerable<BenchPoint> Around(MadeWorkload workload, AccuracyRequest request, BenchSettings settings)
    {
        int rows = request.Rows[0], dimension = request.KeyDimensions[0];
        BenchPoint At(int n, int d, IReadOnlyList<double> epsilons) =>
            new(workload.Name, () => workload.Make(n, d, request.ValueDimension, request.Queries, request.Adjacency, settings.Threads), epsilons);
        yield return At(rows, dimension, request.Epsilons);
        foreach (var n in request.Rows.Skip(1))
            yield return At(n, dimension, [request.Epsilons[0]]);
        foreach (var d in request.KeyDimensions.Skip(1))
            yield return At(rows, d, [request.Epsilons[0]]);
    }
}
