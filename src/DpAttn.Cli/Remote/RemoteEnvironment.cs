using DpAttn.Client;

namespace DpAttn.Cli.Remote;

/// <summary>What the server verbs take from outside: the client, the environment's variables, the passing of time. Tests put their own in its place.</summary>
internal sealed record RemoteEnvironment
{
    /// <summary>Makes a client.</summary>
    public Func<DpAttentionOptions, IDpAttentionClient> Connect { get; init; } = static options => new DpAttentionClient(options);

    /// <summary>Reads a variable of the environment.</summary>
    public Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>Waits.</summary>
    public Func<TimeSpan, CancellationToken, Task> Delay { get; init; } = Task.Delay;
}
