using DpAttn.Attention;

namespace DpAttn.Cli.Bench;

/// <summary>What is to be measured; the first number of each list is the base point.</summary>
internal sealed record AccuracyRequest(
    IReadOnlyList<int> Rows, IReadOnlyList<int> KeyDimensions, int ValueDimension, IReadOnlyList<double> Epsilons, int Queries, Adjacency Adjacency);
