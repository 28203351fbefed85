namespace DpAttn.Privacy;

/// <summary>The noise of the nodes of a tree: a pure function of the node, drawn when it is asked for and never kept.</summary>
public interface ITreeNoise
{
    /// <summary>Adds a node's noise to its exact vector.</summary>
    /// <exception cref="OverflowException">A sum leaves 64 bits, which the schema has to make impossible.</exception>
    void AddTo(long node, Span<long> values);
}
