namespace DpAttn.Attention.IO;

/// <summary>An array file that is not what it should be. The message names the file, the place and the bound.</summary>
public sealed class NpyFormatException : FormatException
{
    internal NpyFormatException(string name, string message)
        : base($"{name}: {message}")
    {
    }

    internal NpyFormatException(string name, string message, Exception inner)
        : base($"{name}: {message}", inner)
    {
    }

    /// <summary>A file's own text for a message: cut, and without what could forge another line of a log.</summary>
    internal static string Quote(string text)
    {
        const int Longest = 40;
        var shown = new string([.. text.Take(Longest).Select(c => c is >= ' ' and <= '~' ? c : '?')]);
        return text.Length <= Longest ? $"'{shown}'" : $"'{shown}...'";
    }
}
