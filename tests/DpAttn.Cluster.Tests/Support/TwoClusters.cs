using DpAttn.PostgresServer;

namespace DpAttn.Cluster.Tests;

/// <summary>Two clusters that know nothing of each other on one storage: the embedded one, whose objects both hold.</summary>
public class TwoClusters : IAsyncLifetime
{
    internal TestSilos Left { get; private set; } = null!;

    internal TestSilos Right { get; private set; } = null!;

    /// <summary>Why they cannot run here; null if they can.</summary>
    internal virtual string? Missing => null;

    public async ValueTask InitializeAsync()
    {
        if (Missing is not null)
            return;
        Left = await TestSilos.StartAsync(storage: await CreateAsync());
        Right = await TestSilos.StartAsync(sharing: Left);
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (Right is not null)
            await Right.DisposeAsync();
        if (Left is not null)
            await Left.DisposeAsync();
    }

    private protected virtual Task<TestStorage> CreateAsync() => Task.FromResult<TestStorage>(SqliteTestStorage.Open());
}

/// <summary>The same on PostgreSQL, where each has connections of its own.</summary>
public sealed class TwoPostgresClusters : TwoClusters
{
    internal override string? Missing => LocalPostgres.Missing;

    private protected override async Task<TestStorage> CreateAsync() => await PostgresTestStorage.OpenAsync();
}
