namespace DpAttn.Cli.Files;

/// <summary>A file of rows that is not what it should be. The message names the file, the place and the bound, never a number of a row.</summary>
internal sealed class RowFileException(string name, string message, Exception? inner = null) : IOException($"{name}: {message}", inner);
