namespace DpAttn.Cli;

/// <summary>Messages of faults as people read them.</summary>
internal static class FaultText
{
    /// <summary>A message in one line. .NET appends the parameter's name and, on a second line, the value: both are noise on a command line.</summary>
    public static string Line(string message)
    {
        var line = message.Split('\n')[0];
        var suffix = line.LastIndexOf(" (Parameter '", StringComparison.Ordinal);
        return suffix < 0 ? line : line[..suffix];
    }
}
