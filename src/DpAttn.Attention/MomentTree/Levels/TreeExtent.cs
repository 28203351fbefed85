namespace DpAttn.Attention;

/// <summary>How far a tree is filled. Public: it follows from the number of slots and the closing of blocks.</summary>
/// <param name="Blocks">The blocks that hold slots, from the first on: those of a release, or those that a continual store has closed and released.</param>
/// <param name="IsFinished">Whether the blocks after them stay empty for ever, so that every node that holds a slot is released.</param>
public readonly record struct TreeExtent(long Blocks, bool IsFinished);
