namespace DpAttn.Attention;

/// <summary>Slots of one batch in one block.</summary>
/// <param name="Block">The block.</param>
/// <param name="Offset">The first of them, counted within the block.</param>
/// <param name="Count">How many.</param>
/// <param name="Closes">Whether the block closes with them.</param>
public sealed record FilledSlots(long Block, int Offset, int Count, bool Closes);
