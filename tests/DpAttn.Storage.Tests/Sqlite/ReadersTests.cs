using DpAttn.Storage.Tests.Support;
using Microsoft.Data.Sqlite;

namespace DpAttn.Storage.Tests.Sqlite;

/// <summary>The pool of read-only connections: bounded, and whole again after whatever went wrong.</summary>
public sealed class ReadersTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly ManualResetEventSlim _mayGoOn = new();
    private readonly SqliteStorage _storage;
    private readonly SqliteReaders _readers;
    private int _opened;
    private bool _cannotOpen;

    public ReadersTests()
    {
        _storage = SqliteStorage.Open(new SqliteStorageOptions { Directory = _directory.Path });
        _readers = new SqliteReaders(Open, connections: 2, queueCapacity: 3);
    }

    public void Dispose()
    {
        _mayGoOn.Set();
        _readers.Dispose();
        _storage.Dispose();
        _directory.Dispose();
        _mayGoOn.Dispose();
    }

    [Fact]
    public async Task Connections_are_reused_and_bounded_and_waiting_reads_too()
    {
        Assert.Equal("1", await ReadAsync());
        Assert.Equal("1", await ReadAsync());
        Assert.Equal(1, _opened);
        var under = Enumerable.Range(0, 2).Select(_ => BlockAsync()).ToArray();
        var waiting = Enumerable.Range(0, 3).Select(_ => ReadAsync()).ToArray();

        Assert.Contains("3 reads", (await Assert.ThrowsAsync<StorageBusyException>(ReadAsync)).Message);

        _mayGoOn.Set();
        await Task.WhenAll([.. under, .. waiting]);
        Assert.Equal("1", await ReadAsync());
        Assert.InRange(_opened, 1, 2);
    }

    [Fact]
    public async Task A_read_given_up_while_it_waits_frees_its_place()
    {
        var under = Enumerable.Range(0, 2).Select(_ => BlockAsync()).ToArray();
        using var cancellation = new CancellationTokenSource();
        var waiting = Enumerable.Range(0, 3).Select(_ => ReadAsync(cancellation.Token)).ToArray();
        await cancellation.CancelAsync();
        foreach (var read in waiting)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);

        var later = ReadAsync();
        _mayGoOn.Set();
        Assert.Equal("1", await later);
        await Task.WhenAll(under);
    }

    [Fact]
    public async Task Failures_are_typed_and_leave_the_pool_whole()
    {
        for (var i = 0; i < 5; i++)
        {
            _cannotOpen = true;
            if (i == 0)
                await Assert.ThrowsAsync<StorageUnavailableException>(ReadAsync);
            _cannotOpen = false;
            var failure = await Assert.ThrowsAsync<StorageUnavailableException>(() => _readers.ReadAsync("reading", session => session.Scalar("SELECT no_such_column FROM catalog"), default));
            Assert.StartsWith("reading: ", failure.Message, StringComparison.Ordinal);
            await Assert.ThrowsAsync<StorageCorruptException>(() => _readers.ReadAsync<int>("reading", _ => throw new SqliteException("malformed", 11, 11), default));
            await Assert.ThrowsAsync<StorageFullException>(() => _readers.ReadAsync<int>("reading", _ => throw new SqliteException("full", 13, 13), default));
            await Assert.ThrowsAsync<NotSupportedException>(() => _readers.ReadAsync<int>("reading", session => session.InSnapshot<int>(_ => throw new NotSupportedException()), default));
        }
        Assert.Equal("1", await ReadAsync());
    }

    [Fact]
    public async Task A_snapshot_stands_still_while_others_write()
    {
        await WriteAsync(1);
        var seen = await _readers.ReadAsync("reading", session => session.InSnapshot(snapshot =>
        {
            var before = snapshot.Scalar("SELECT count(*) FROM catalog WHERE kind <> 'wrapped-key'");
            WriteAsync(2).GetAwaiter().GetResult();
            return (before, snapshot.Scalar("SELECT count(*) FROM catalog WHERE kind <> 'wrapped-key'"));
        }), default);
        Assert.Equal(("1", "1"), seen);
        Assert.Equal("2", await _readers.ReadAsync("reading", session => session.Scalar("SELECT count(*) FROM catalog WHERE kind <> 'wrapped-key'"), default));
    }

    [Fact]
    public async Task Closing_waits_for_reads_under_way_and_refuses_later_ones()
    {
        var under = BlockAsync();
        var closing = Task.Run(_readers.Dispose);
        await Task.Delay(50);
        Assert.False(closing.IsCompleted);
        _mayGoOn.Set();
        Assert.Equal("1", await under);
        await closing;
        await Assert.ThrowsAsync<StorageUnavailableException>(ReadAsync);
    }

    private SqliteSession Open()
    {
        Interlocked.Increment(ref _opened);
        return SqliteSession.Open(_cannotOpen ? _directory.File("missing") : _directory.File(SqliteStorage.FileName), readOnly: true);
    }

    private Task WriteAsync(int row) => _storage.Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("kind", $"{row}", 0, new byte[1])] });

    private Task<string?> ReadAsync() => ReadAsync(default);

    private Task<string?> ReadAsync(CancellationToken cancellationToken) => _readers.ReadAsync("reading", session => session.Scalar("SELECT 1"), cancellationToken);

    private Task<string?> BlockAsync() => _readers.ReadAsync("reading", session =>
    {
        _mayGoOn.Wait();
        return session.Scalar("SELECT 1");
    }, default);
}
