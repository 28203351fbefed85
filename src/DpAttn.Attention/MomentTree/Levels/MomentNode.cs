namespace DpAttn.Attention;

/// <summary>The exact sums of a node's rows, or of some of them. Private: it leaves the mechanism only with noise.</summary>
/// <param name="Node">The node: 1 is the root, 2k and 2k + 1 are the children of k.</param>
/// <param name="Sums">The exact sums; whoever receives a node owns them.</param>
public sealed record MomentNode(long Node, MomentMatrix Sums);
