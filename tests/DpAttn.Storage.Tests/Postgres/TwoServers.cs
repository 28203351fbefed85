namespace DpAttn.Storage.Tests.Postgres;

/// <summary>A server for ledgers and another one for their witnesses.</summary>
public sealed class TwoServers : IAsyncLifetime
{
    public OwnServer Ledgers { get; } = new();

    public OwnServer Witnesses { get; } = new();

    public async ValueTask InitializeAsync()
    {
        await Ledgers.InitializeAsync();
        await Witnesses.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Ledgers.DisposeAsync();
        await Witnesses.DisposeAsync();
    }
}
