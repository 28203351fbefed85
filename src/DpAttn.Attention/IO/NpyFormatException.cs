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
}
