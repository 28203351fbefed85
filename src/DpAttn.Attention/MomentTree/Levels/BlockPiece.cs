namespace DpAttn.Attention;

/// <summary>Rows of one block, or of a part of it, in slot order.</summary>
/// <param name="Block">The block, counted from 0.</param>
/// <param name="Rows">The rows.</param>
public sealed record BlockPiece(long Block, RowSet Rows);
