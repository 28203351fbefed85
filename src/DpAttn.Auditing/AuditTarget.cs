using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Auditing;

/// <summary>
/// A mechanism on two neighbours, as an adversary meets it that knows both data sets and everything public, and lacks one bit: which of the two it was run on.
/// </summary>
/// <remarks>
/// A run is a whole run of the product's own classes under a secret of its own. Its view is what of the released integers may tell the neighbours apart: every vector (a node's matrix, a part)
/// in which their exact sums differ, at every tier, as colluding users hold them; and, in a tree, the sibling of the leaf in which they differ: it holds the same sums in both, and tells them
/// apart if its noise is not its own. All other vectors are like that sibling.
/// </remarks>
public abstract class AuditTarget
{
    private long[]? _exact;
    private double[]? _difference;

    private protected AuditTarget(string mechanism, Adjacency adjacency, Epsilon claimed, Delta delta) =>
        (Mechanism, Adjacency, Claimed, Delta) = (mechanism, adjacency, claimed, delta);

    /// <summary>The mechanism, and what of it.</summary>
    public string Mechanism { get; }

    /// <summary>The adjacency of the claim.</summary>
    public Adjacency Adjacency { get; }

    /// <summary>The epsilon that is claimed at <see cref="Delta"/>.</summary>
    public Epsilon Claimed { get; init; }

    /// <summary>The delta of the claim.</summary>
    public Delta Delta { get; }

    /// <summary>Exact sums of the second data set minus those of the first, in lattice steps.</summary>
    public ReadOnlySpan<double> Difference => _difference;

    /// <summary>The l2 distance of the neighbours' exact sums in one tier over the declared sensitivity: what the pair is worth, at most 1 for an honest one.</summary>
    public double SensitivityReached { get; private set; }

    /// <summary>A mechanism's source of noise from a release key. Only tests plant another than the product's.</summary>
    internal Func<ReleaseKey, INoiseSource> Noise { get; set; } = key => new KeyedNoise(key);

    /// <summary>Runs the mechanism once.</summary>
    /// <param name="second">On the second data set, else on the first.</param>
    /// <param name="secret">32 secret bytes, fresh for every run.</param>
    /// <param name="view">What was released, minus the exact sums of the first data set.</param>
    public void Run(bool second, ReadOnlySpan<byte> secret, Span<double> view)
    {
        Span<long> released = view.Length <= 512 ? stackalloc long[view.Length] : new long[view.Length];
        Release(second, secret, released);
        for (var i = 0; i < released.Length; i++)
            view[i] = released[i] - _exact![i];
    }

    /// <summary>Writes the released integers of the view.</summary>
    private protected abstract void Release(bool second, ReadOnlySpan<byte> secret, Span<long> released);

    /// <summary>States what the runs are compared with: the exact sums behind each number of the view, once per tier.</summary>
    private protected void StateExact(ReadOnlySpan<long> first, ReadOnlySpan<long> second, int tiers, System.Numerics.BigInteger sensitivity)
    {
        _exact = new long[first.Length * tiers];
        _difference = new double[_exact.Length];
        var squares = 0.0;
        for (var i = 0; i < _exact.Length; i++)
        {
            _exact[i] = first[i % first.Length];
            _difference[i] = second[i % first.Length] - first[i % first.Length];
            squares += i < first.Length ? _difference[i] * _difference[i] : 0;
        }
        SensitivityReached = Math.Sqrt(squares) / (double)sensitivity;
    }

    /// <summary>Which of some vectors of equal length differ.</summary>
    private protected static int[] Differing(IReadOnlyList<long[]> first, IReadOnlyList<long[]> second) =>
        [.. Enumerable.Range(0, first.Count).Where(i => !first[i].AsSpan().SequenceEqual(second[i]))];
}
