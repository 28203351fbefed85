using System.Security.Cryptography;
using Npgsql;

namespace DpAttn.Storage;

/// <summary>
/// The connections of this process and what runs on them. A failure before the commit has changed nothing, and is tried again a few times where it met another transaction or a
/// connection that was gone; a failure of the commit itself leaves the outcome open.
/// </summary>
internal sealed class PostgresDatabase(NpgsqlDataSource source, string schema, int writers, int readers, int queueCapacity, long queueBytes) : IAsyncDisposable
{
    private const int MostAttempts = 4;

    private readonly Admission _writers = new(writers, queueCapacity, queueBytes);
    private readonly Admission _readers = new(readers, queueCapacity, long.MaxValue);

    /// <summary>The schema that holds the tables: storages in two schemas of one database do not wait for each other's locks.</summary>
    public string Schema => schema;

    /// <summary>For tests: runs between the last statement of a transaction and its commit.</summary>
    internal Func<Task>? BeforeCommit { get; set; }

    /// <summary>Reads outside of any transaction: one statement, one snapshot.</summary>
    public Task<T> ReadAsync<T>(string name, Func<PostgresSession, Task<T>> read, CancellationToken cancellationToken) =>
        ReadAsync(name, isSnapshot: false, MostAttempts, read, cancellationToken);

    /// <summary>Reads several statements of one snapshot.</summary>
    public Task<T> ReadSnapshotAsync<T>(string name, Func<PostgresSession, Task<T>> read, CancellationToken cancellationToken) =>
        ReadAsync(name, isSnapshot: true, MostAttempts, read, cancellationToken);

    /// <summary>As <see cref="ReadSnapshotAsync"/>, and never begun a second time: for what tells somebody as it reads.</summary>
    public Task<T> ReadOnceAsync<T>(string name, Func<PostgresSession, Task<T>> read, CancellationToken cancellationToken) =>
        ReadAsync(name, isSnapshot: true, mostAttempts: 1, read, cancellationToken);

    /// <summary>Changes something in a transaction of its own, once a connection is free.</summary>
    /// <param name="name">What it does, for messages.</param>
    /// <param name="bytes">What it holds in memory while it waits.</param>
    /// <param name="work">Reads and writes; its result says whether to commit, and it is run again when the transaction is tried again.</param>
    /// <param name="cancellationToken">Not executed if cancelled while waiting; afterwards the outcome is unknown.</param>
    /// <param name="committed">Told the result once it is durable and before its caller is, who may have given up.</param>
    /// <param name="unknown">Told the result of a commit whose outcome is unknown, likewise.</param>
    public async Task<T> WriteAsync<T>(
        string name, int bytes, Func<PostgresSession, Task<(bool Commit, T Result)>> work, CancellationToken cancellationToken, Action<T>? committed = null, Action<T>? unknown = null)
    {
        await _writers.EnterAsync(name, bytes, cancellationToken).ConfigureAwait(false);
        var transaction = LeaveAfterAsync(_writers, () => TransactAsync(name, work, committed, unknown));
        try
        {
            return await transaction.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new StorageOutcomeUnknownException($"{name}: given up after it had begun; whether the change was made is unknown");
        }
    }

    /// <summary>A transaction on a connection of the pool, without waiting in the queue.</summary>
    public async Task<T> TransactAsync<T>(string name, Func<PostgresSession, Task<(bool Commit, T Result)>> work, Action<T>? committed = null, Action<T>? unknown = null)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var session = await PostgresSession.OpenAsync(source).ConfigureAwait(false);
                session.Begin();
                var (commit, result) = await work(session).ConfigureAwait(false);
                if (!commit)
                    return result;
                if (BeforeCommit is { } pause)
                    await pause().ConfigureAwait(false);
                try
                {
                    await session.CommitAsync().ConfigureAwait(false);
                }
                catch (Exception failure) when (PostgresFailure.IsDatabase(failure) && !session.WasBeforeCommit(failure) && !PostgresFailure.IsRolledBack(failure))
                {
                    unknown?.Invoke(result);
                    throw PostgresFailure.Unknown(name, failure);
                }
                committed?.Invoke(result);
                return result;
            }
            catch (Exception failure) when (PostgresFailure.IsDatabase(failure) || failure is ObjectDisposedException)
            {
                if (attempt == MostAttempts || !PostgresFailure.IsWorthRetrying(failure))
                    throw PostgresFailure.Unchanged(name, failure);
                await BeforeRetryAsync(failure, attempt).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Takes no further changes and waits for those under way; reads go on.</summary>
    public Task FinishAsync() => _writers.CloseAsync();

    /// <summary>Waits for what is under way and closes the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        await _readers.CloseAsync().ConfigureAwait(false);
        await source.DisposeAsync().ConfigureAwait(false);
        _writers.Dispose();
        _readers.Dispose();
    }

    private async Task<T> ReadAsync<T>(string name, bool isSnapshot, int mostAttempts, Func<PostgresSession, Task<T>> read, CancellationToken cancellationToken)
    {
        await _readers.EnterAsync(name, 0, cancellationToken).ConfigureAwait(false);
        return await LeaveAfterAsync(_readers, () => ReadWithRetryAsync(name, isSnapshot, mostAttempts, read)).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<T> ReadWithRetryAsync<T>(string name, bool isSnapshot, int mostAttempts, Func<PostgresSession, Task<T>> read)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var session = await PostgresSession.OpenAsync(source).ConfigureAwait(false);
                if (isSnapshot)
                    session.BeginSnapshot();
                return await read(session).ConfigureAwait(false);
            }
            catch (Exception failure) when (PostgresFailure.IsDatabase(failure) || failure is ObjectDisposedException)
            {
                if (attempt == mostAttempts || !PostgresFailure.IsWorthRetrying(failure))
                    throw PostgresFailure.Unread(name, failure);
                await BeforeRetryAsync(failure, attempt).ConfigureAwait(false);
            }
        }
    }

    /// <summary>A short while, longer each time and not the same for all who met; connections that a restart of the server has cut are thrown away.</summary>
    private async Task BeforeRetryAsync(Exception failure, int attempt)
    {
        if (PostgresFailure.IsConnectionLost(failure))
            source.Clear();
        await Task.Delay(TimeSpan.FromMilliseconds(RandomNumberGenerator.GetInt32(5, 20) * attempt)).ConfigureAwait(false);
    }

    private static async Task<T> LeaveAfterAsync<T>(Admission admission, Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        finally
        {
            admission.Leave();
        }
    }
}
