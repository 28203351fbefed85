using System.Collections.Concurrent;
using System.Diagnostics;
using DpAttn.Storage;
using Microsoft.Data.Sqlite;

namespace DpAttn.Benchmarks.Ratios;

/// <summary>
/// Charges of 32 writers through the ledger against 32 writers of a bare group-commit loop on the same file: one thread that writes whatever is queued, one
/// flush for all; no decision, no limit, no replay, no checksum. Two bare loops: one writes what a charge has to leave behind (an entry under
/// two unique keys, two totals), the other the least that can be called a charge (a row without keys, one total). Burst by burst, in turn.
/// </summary>
internal static class LedgerCommitRatio
{
    private const int Writers = 32;
    private const int ChargesOfOne = 250;

    public static void Run()
    {
        RunSqlite();
        PostgresCommitRatio.Run();
    }

    private static void RunSqlite()
    {
        var directory = Directory.CreateTempSubdirectory("dpattn-ledger-").FullName;
        try
        {
            Compare(directory);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void Compare(string directory)
    {
        using var storage = SqliteStorage.Open(new SqliteStorageOptions { Directory = directory });
        var file = Path.Combine(directory, SqliteStorage.FileName);
        var ledger = new LedgerLoop(storage.Ledger, Writers);
        using (var keyed = new BareLoop(file, isKeyed: true))
        {
            var ratio = PairedRatio.Run(
                $"bare loop, entry with its keys, {Writers} x {ChargesOfOne}", () => Burst(keyed.ChargeAsync),
                $"IBudgetLedger.ChargeAsync, {Writers} x {ChargesOfOne}", () => Burst(ledger.ChargeAsync));
            Console.WriteLine($"  the ledger reaches {100 * ratio:F0} % of the bare loop (at least 50 % wanted)");
        }
        using (var least = new BareLoop(file, isKeyed: false))
        {
            var ratio = PairedRatio.Run(
                $"bare loop, row without keys, {Writers} x {ChargesOfOne}", () => Burst(least.ChargeAsync),
                $"IBudgetLedger.ChargeAsync, {Writers} x {ChargesOfOne}", () => Burst(ledger.ChargeAsync));
            Console.WriteLine($"  the ledger reaches {100 * ratio:F0} % of the loop that keeps no keys");
        }
        var alone = Stopwatch.GetTimestamp();
        for (var i = 0; i < 200; i++)
            ledger.ChargeAsync(0, 1_000_000 + i).GetAwaiter().GetResult();
        Console.WriteLine($"  one writer alone: {Stopwatch.GetElapsedTime(alone).TotalMilliseconds / 200:F3} ms a charge");
    }

    private static void Burst(Func<int, int, Task> charge) => LedgerLoop.Burst(Writers, ChargesOfOne, charge);

    private sealed class BareLoop : IDisposable
    {
        private readonly SqliteConnection _connection;
        private readonly bool _isKeyed;
        private readonly BlockingCollection<(int Writer, TaskCompletionSource Done)> _queue = [];
        private readonly long[] _sequences = new long[Writers];
        private readonly Thread _thread;

        public BareLoop(string file, bool isKeyed)
        {
            _isKeyed = isKeyed;
            _connection = new SqliteConnection($"Data Source={file};Pooling=False");
            _connection.Open();
            Execute("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 8000");
            Execute("""
                CREATE TABLE IF NOT EXISTS bare_row (id INTEGER PRIMARY KEY, writer INTEGER, amount INTEGER);
                CREATE TABLE IF NOT EXISTS bare_entry (writer INTEGER, sequence INTEGER, request TEXT, fingerprint BLOB, amount INTEGER, at INTEGER, PRIMARY KEY (writer, sequence), UNIQUE (writer, request)) WITHOUT ROWID;
                CREATE TABLE IF NOT EXISTS bare_total (writer INTEGER PRIMARY KEY, spent INTEGER)
                """);
            for (var writer = -1; writer < Writers; writer++)
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
}
