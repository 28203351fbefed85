using Dense = MathNet.Numerics.LinearAlgebra.Matrix<double>;

namespace DpAttn.Attention.Tests;

/// <summary>
/// What anybody computes from the answers of a root release, outputs and stated deviations alone: of each query its numerators and denominator, and from as many queries as there are features
/// the matrix behind them, phi^T S = (D, N).
/// </summary>
internal sealed class Reconstruction(MomentParameters parameters, double sigma)
{
    private readonly List<double[]> _features = [];
    private readonly List<double[]> _moments = [];

    /// <summary>The features of a query, from the public parameters: (c_j scale^j / sqrt(a_j)) sqrt(m(a)) q'^a.</summary>
    public double[] FeaturesOf(ReadOnlySpan<double> query)
    {
        var basis = parameters.Basis;
        var features = new double[basis.Count];
        features[0] = 1;
        for (var a = 1; a < features.Length; a++)
            features[a] = features[basis.Parents[a]] * (query[basis.Coordinates[a]] - parameters.Schema.Queries.Centre[basis.Coordinates[a]]);
        for (var a = 0; a < features.Length; a++)
            features[a] *= parameters.QueryCoefficients[a];
        return features;
    }

    /// <summary>Reads (gamma D, N) in lattice steps off an answer: the deviation sigma |phi| sqrt(1 + theta^2/gamma^2) / D gives D, and the output is theta.</summary>
    public double[] Read(ReadOnlySpan<double> query, AttentionAnswer answer)
    {
        var norm = Math.Sqrt(FeaturesOf(query).Sum(x => x * x));
        var gamma = Math.ScaleB(parameters.GammaSteps, -parameters.ValueExponent);
        var theta = answer.Output[0];
        var denominator = sigma * norm * Math.Sqrt(1 + theta * theta / (gamma * gamma)) / answer.NoiseDeviation[0];
        return [gamma * denominator, .. answer.Output.Select(x => x * denominator)];
    }

    /// <summary>Takes an answer.</summary>
    public void Add(ReadOnlySpan<double> query, AttentionAnswer answer)
    {
        _features.Add(FeaturesOf(query));
        _moments.Add(Read(query, answer));
    }

    /// <summary>The matrix by least squares over all answers, r x (dv + 1) in lattice steps.</summary>
    public double[,] Solve() => Dense.Build.DenseOfRowArrays(_features).QR().Solve(Dense.Build.DenseOfRowArrays(_moments)).ToArray();

    /// <summary>What a matrix says of a query: (gamma D, N).</summary>
    public double[] Predict(double[,] matrix, ReadOnlySpan<double> query)
    {
        var features = FeaturesOf(query);
        return [.. Enumerable.Range(0, matrix.GetLength(1)).Select(c => Enumerable.Range(0, features.Length).Sum(a => features[a] * matrix[a, c]))];
    }
}
