namespace DpAttn.Attention;

/// <summary>A row that breaks the store's public bounds. The message names the row and the bound, never a number of the row.</summary>
public sealed class RowRejectedException : ArgumentException
{
    internal RowRejectedException(string what, long row, string message)
        : base($"{what} of row {row}: {message}")
    {
        Row = row;
    }

    /// <summary>The row's number in its set, counted from 0.</summary>
    public long Row { get; }
}
