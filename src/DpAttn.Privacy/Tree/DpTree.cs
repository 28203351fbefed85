namespace DpAttn.Privacy;

/// <summary>
/// DPTree of the seed paper (arXiv 2407.14717, section 4 and appendix D): sums over an array in a complete binary tree with noise on each node; the
/// sum of any range comes from at most 2 log2 m nodes. The paper claims O(m) for init, O(log m) for a query, and an additive error of
/// O(epsilon^-1 log^1.5 m) for values of sensitivity 1.
/// </summary>
/// <remarks>
/// <para>Here init is O(m) (<see cref="TreeSums.Over"/>), a query reads and noises O(log m) nodes, and its error is a discrete Gaussian of variance
/// (number of nodes) sigma^2. Every leaf lies in L + 1 nodes, so a change of one leaf by a vector x changes the whole tree by sqrt(L + 1) |x| in l2 norm: that is
/// what sigma has to be calibrated to.</para>
/// <para>Noise is recomputed by address instead of being stored. A node read twice has the same noise both times, so any number of adaptive queries is a
/// function of one release of all nodes. The guarantee holds always; the paper's truncated Laplace noise is bounded at the price of delta.</para>
/// </remarks>
public sealed class DpTree : ITreeValues
{
    private readonly ITreeValues _exact;
    private readonly ITreeNoise? _noise;

    private DpTree(ITreeValues exact)
    {
        ArgumentNullException.ThrowIfNull(exact);
        _exact = exact;
    }

    /// <summary>A tree whose nodes carry noise.</summary>
    /// <param name="exact">The exact node sums, wherever they are kept.</param>
    /// <param name="noise">The noise of each node.</param>
    public DpTree(ITreeValues exact, ITreeNoise noise) : this(exact)
    {
        ArgumentNullException.ThrowIfNull(noise);
        _noise = noise;
    }

    /// <inheritdoc/>
    public TreeShape Shape => _exact.Shape;

    /// <inheritdoc/>
    public int Width => _exact.Width;

    /// <summary>A tree without noise. Not private: for evaluation and tests.</summary>
    internal static DpTree ForEvaluation(ITreeValues exact) => new(exact);

    /// <summary>Writes a node's sum with its noise.</summary>
    /// <param name="node">From 1 (the root) to <see cref="TreeShape.Nodes"/>.</param>
    /// <param name="destination"><see cref="Width"/> integers.</param>
    public void Read(long node, Span<long> destination)
    {
        _exact.Read(node, destination);
        _noise?.AddTo(node, destination);
    }

    /// <summary>The sum of the leaves [<paramref name="from"/>, <paramref name="to"/>), each node's noise in it.</summary>
    /// <param name="from">The first leaf.</param>
    /// <param name="to">The leaf after the last.</param>
    /// <param name="destination"><see cref="Width"/> integers.</param>
    /// <returns>How many nodes were summed: the noise has so many times the variance of one.</returns>
    /// <exception cref="ArgumentException">The range leaves [0, m] or runs backwards, or another width.</exception>
    /// <exception cref="OverflowException">A sum leaves 64 bits, which the caller's schema has to make impossible.</exception>
    public int Query(long from, long to, Span<long> destination)
    {
        if (destination.Length != Width)
            throw new ArgumentException($"a node of this tree has {Width} integers, not {destination.Length}", nameof(destination));
        var nodes = Shape.NodesOf(from, to);
        var values = new long[Width];
        destination.Clear();
        foreach (var node in nodes)
        {
            Read(node, values);
            for (var i = 0; i < values.Length; i++)
                destination[i] = checked(destination[i] + values[i]);
        }
        return nodes.Count;
    }
}
