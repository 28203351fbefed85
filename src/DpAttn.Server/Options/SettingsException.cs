namespace DpAttn.Server;

/// <summary>Settings that the server refuses to start with. The message has one line per fault: the setting, its value and the bound.</summary>
public sealed class SettingsException : Exception
{
    internal SettingsException(IReadOnlyList<string> faults)
        : base(string.Join(Environment.NewLine, faults)) => Faults = faults;

    /// <summary>The faults, one per setting.</summary>
    public IReadOnlyList<string> Faults { get; }
}
