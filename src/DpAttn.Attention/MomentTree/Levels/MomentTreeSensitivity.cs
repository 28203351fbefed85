using System.Numerics;
using DpAttn.Privacy;

namespace DpAttn.Attention;

/// <summary>The l2 sensitivity of all nodes of a moment tree together, real and on the lattice.</summary>
/// <remarks>
/// <para>Slots have fixed places, so two neighbours differ in one slot of one block. A block lies in as many nodes as the tree has levels: its leaf, and one
/// node on each level up to the root. The matrix of each of these differs by the same x - x' (a node is a plain sum of its rows' integer outer products), and
/// all other nodes are equal. So the squared l2 distance of all nodes together is levels |x - x'|^2, at most levels Delta^2:
/// <c>Delta_tree = sqrt(levels) Delta</c>, attained wherever Delta is. Rounding happens per row, before any sum: the same step from real to integer as at the root, once
/// on each level, so <c>Delta_tree_int = ceil(sqrt(levels Delta_int^2))</c> without any slack more.</para>
/// <para><b>Continual.</b> A node is released when its last row is in, and rows that arrive later may depend on everything released before. Given all that was released so far,
/// each further node is a Gaussian mechanism of mu = |x - x'|/sigma where it holds the differing slot and of mu = 0 elsewhere. Which nodes hold it is fixed by the slot
/// alone, so mu squared adds up to at most levels Delta^2 / sigma^2 whatever the answers were: adaptivity costs nothing more (Dong, Roth, Su 2019, adaptive
/// composition; Denisov et al. 2022 for this matrix mechanism). A node never released (a block that never closes) only lowers it.</para>
/// <para><b>Slack.</b> The ladder's dimension is that of all nodes a full tree has, nodes x r (dv + 1): the divergences of one node after the other add up (chain rule),
/// so Pinsker's inequality holds for the whole as it does for one release.</para>
/// </remarks>
public sealed class MomentTreeSensitivity
{
    private MomentTreeSensitivity(double real, BigInteger integer) => (Real, Integer) = (new Sensitivity(real), integer);

    /// <summary>sqrt(levels) Delta, in the units of the values.</summary>
    public Sensitivity Real { get; }

    /// <summary>Delta_tree_int in lattice steps, rounded up: what the noise of every node is calibrated to.</summary>
    public BigInteger Integer { get; }

    internal static MomentTreeSensitivity For(MomentSensitivity node, int levels)
    {
        const double RoundUp = 1 + 1e-12;
        return new MomentTreeSensitivity(node.Real.Value * Math.Sqrt(levels) * RoundUp, IntegerRoot.CeilingSqrt(node.Integer * node.Integer * levels));
    }
}
