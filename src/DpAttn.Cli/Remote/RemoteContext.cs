using DpAttn.Cli.Output;

namespace DpAttn.Cli.Remote;

/// <summary>Where a verb writes, and what it takes from outside.</summary>
internal sealed record RemoteContext(TextWriter Output, TextWriter Error, RemoteEnvironment Environment)
{
    public ProgressBars Bars { get; } = new(Error);

    /// <summary>Something for people, beside the result.</summary>
    public void Note(string text) => Error.WriteLine($"dpattn: {text}");
}
