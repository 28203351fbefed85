namespace DpAttn.Privacy;

/// <summary>A vector of integers for every node of a tree: exact sums, or sums with their noise in them.</summary>
public interface ITreeValues
{
    /// <summary>The tree.</summary>
    TreeShape Shape { get; }

    /// <summary>Integers per node.</summary>
    int Width { get; }

    /// <summary>Writes the vector of a node.</summary>
    /// <param name="node">From 1 (the root) to <see cref="TreeShape.Nodes"/>.</param>
    /// <param name="destination"><see cref="Width"/> integers.</param>
    void Read(long node, Span<long> destination);
}
