using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;

namespace DpAttn.Benchmarks;

/// <summary>
/// A bare group-commit loop: one thread that writes whatever is queued, one flush for all; no decision, no limit, no replay, no checksum.
/// </summary>
internal sealed class BareCommitLoop : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly bool _isKeyed;
    private readonly BlockingCollection<(int Writer, TaskCompletionSource Done)> _queue = [];
    private readonly long[] _sequences;
    private readonly Thread _thread;

    /// <param name="file">The database file; it is made to keep what it acknowledges.</param>
    /// <param name="writers">How many accounts.</param>
    /// <param name="isKeyed">Whether a charge leaves an entry under two unique keys and two totals, or a row without keys and one total.</param>
    public BareCommitLoop(string file, int writers, bool isKeyed)
    {
        _isKeyed = isKeyed;
        _sequences = new long[writers];
        _connection = new SqliteConnection($"Data Source={file};Pooling=False");
        _connection.Open();
        Execute("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 8000");
        Execute("""
            CREATE TABLE IF NOT EXISTS bare_row (id INTEGER PRIMARY KEY, writer INTEGER, amount INTEGER);
            CREATE TABLE IF NOT EXISTS bare_entry (writer INTEGER, sequence INTEGER, request TEXT, fingerprint BLOB, amount INTEGER, at INTEGER, PRIMARY KEY (writer, sequence), UNIQUE (writer, request)) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS bare_total (writer INTEGER PRIMARY KEY, spent INTEGER)
            """);
        for (var writer = -1; writer < writers; writer++)
            Execute($"INSERT OR IGNORE INTO bare_total VALUES ({writer}, 0)");
        _thread = new Thread(Loop) { IsBackground = true };
        _thread.Start();
    }

    public Task ChargeAsync(int writer, int charge)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _queue.Add((writer, done));
        return done.Task;
    }

    public void Dispose()
    {
        _queue.CompleteAdding();
        _thread.Join();
        _connection.Dispose();
    }

    private void Loop()
    {
        using var insert = _connection.CreateCommand();
        insert.CommandText = _isKeyed
            ? "INSERT INTO bare_entry (writer, sequence, request, fingerprint, amount, at) VALUES ($writer, $sequence, $request, $fingerprint, 1, 1000000000000000)"
            : "INSERT INTO bare_row (writer, amount) VALUES ($writer, 1)";
        var insertWriter = insert.Parameters.Add("$writer", SqliteType.Integer);
        var sequence = new SqliteParameter("$sequence", SqliteType.Integer);
        var request = new SqliteParameter("$request", SqliteType.Text);
        if (_isKeyed)
        {
            insert.Parameters.Add(sequence);
            insert.Parameters.Add(request);
            insert.Parameters.Add("$fingerprint", SqliteType.Blob).Value = new byte[32];
        }
        using var add = _connection.CreateCommand();
        add.CommandText = "UPDATE bare_total SET spent = spent + 1 WHERE writer = $writer";
        var addWriter = add.Parameters.Add("$writer", SqliteType.Integer);
        var batch = new List<(int Writer, TaskCompletionSource Done)>();
        foreach (var first in _queue.GetConsumingEnumerable())
        {
            batch.Add(first);
            while (batch.Count < 1024 && _queue.TryTake(out var next))
                batch.Add(next);
            using (var transaction = _connection.BeginTransaction())
            {
                insert.Transaction = add.Transaction = transaction;
                foreach (var item in batch)
                {
                    insertWriter.Value = addWriter.Value = item.Writer;
                    sequence.Value = ++_sequences[item.Writer];
                    request.Value = $"request{_sequences[item.Writer]}";
                    insert.ExecuteNonQuery();
                    add.ExecuteNonQuery();
                    if (!_isKeyed)
                        continue;
                    addWriter.Value = -1;
                    add.ExecuteNonQuery();
                }
                transaction.Commit();
            }
            foreach (var item in batch)
                item.Done.SetResult();
            batch.Clear();
        }
    }

    private void Execute(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
