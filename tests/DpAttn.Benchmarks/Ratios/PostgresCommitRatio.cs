using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using DpAttn.PostgresServer;
using DpAttn.Storage;
using Npgsql;

namespace DpAttn.Benchmarks.Ratios;

/// <summary>
/// The same on PostgreSQL, where a server can be started: charges of 32 writers against a bare group-commit loop on one connection of the same server, which writes for all that waits
/// an entry under two unique keys and two totals in two statements, and decides nothing. Then many callers at once, as a busy cluster has them.
/// </summary>
internal static class PostgresCommitRatio
{
    private const int Writers = 32;
    private const int ChargesOfOne = 100;
    private const int Callers = 1000;

    public static void Run()
    {
        if (LocalPostgres.Missing is { } reason)
        {
            Console.WriteLine($"  PostgreSQL: not measured, {reason}");
            return;
        }
        var server = LocalPostgres.StartAsync().GetAwaiter().GetResult();
        try
        {
            Compare(server.CreateDatabaseAsync().GetAwaiter().GetResult());
        }
        finally
        {
            server.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static void Compare(string connectionString)
    {
        var options = new PostgresStorageOptions { ConnectionString = connectionString, Keys = new KeyRing([new("bench", RandomNumberGenerator.GetBytes(KeyRing.KeyBytes))]) };
        PostgresStorage.MigrateAsync(options).GetAwaiter().GetResult();
        using var storage = PostgresStorage.Open(options);
        var ledger = new LedgerLoop(storage.Ledger, Callers);
        using (var bare = new BareLoop(connectionString))
        {
            var ratio = PairedRatio.Run(
                $"PostgreSQL: bare loop, entry with its keys, {Writers} x {ChargesOfOne}", () => LedgerLoop.Burst(Writers, ChargesOfOne, (writer, _) => bare.ChargeAsync(writer)),
                $"IBudgetLedger.ChargeAsync, {Writers} x {ChargesOfOne}", () => LedgerLoop.Burst(Writers, ChargesOfOne, ledger.ChargeAsync));
            Console.WriteLine($"  the ledger reaches {100 * ratio:F0} % of the bare loop");
            LedgerLoop.Burst(Callers, 2, ledger.ChargeAsync);
            foreach (var callers in new[] { Writers, 200, Callers })
            {
                var charges = 20_000 / callers;
                var start = Stopwatch.GetTimestamp();
                LedgerLoop.Burst(callers, charges, ledger.ChargeAsync);
                var ledgerRate = callers * charges / Stopwatch.GetElapsedTime(start).TotalSeconds;
                start = Stopwatch.GetTimestamp();
                LedgerLoop.Burst(callers, charges, (writer, _) => bare.ChargeAsync(writer));
                Console.WriteLine($"  {callers,4} callers: {ledgerRate:F0} charges a second; the bare loop {callers * charges / Stopwatch.GetElapsedTime(start).TotalSeconds:F0}");
            }
        }
        var alone = Stopwatch.GetTimestamp();
        for (var i = 0; i < 200; i++)
            ledger.ChargeAsync(0, i).GetAwaiter().GetResult();
        Console.WriteLine($"  one writer alone: {Stopwatch.GetElapsedTime(alone).TotalMilliseconds / 200:F3} ms a charge");
    }

    private sealed class BareLoop : IDisposable
    {
        private readonly NpgsqlConnection _connection;
        private readonly BlockingCollection<(int Writer, TaskCompletionSource Done)> _queue = [];
        private readonly long[] _sequences = new long[Callers];
        private readonly Thread _thread;

        public BareLoop(string connectionString)
        {
            _connection = new NpgsqlConnection($"{connectionString};Max Auto Prepare=10;Auto Prepare Min Usages=2");
            _connection.Open();
            using var create = new NpgsqlCommand($"""
                CREATE TABLE bare_entry (writer int, sequence bigint, request text, fingerprint bytea, amount bigint, at bigint, PRIMARY KEY (writer, sequence), UNIQUE (writer, request));
                CREATE TABLE bare_total (writer int PRIMARY KEY, spent bigint) WITH (fillfactor = 70);
                INSERT INTO bare_total SELECT i, 0 FROM generate_series(-1, {Callers - 1}) i
                """, _connection);
            create.ExecuteNonQuery();
            _thread = new Thread(Loop) { IsBackground = true };
            _thread.Start();
        }

        public Task ChargeAsync(int writer)
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
            var batch = new List<(int Writer, TaskCompletionSource Done)>();
            foreach (var first in _queue.GetConsumingEnumerable())
            {
                batch.Add(first);
                while (batch.Count < 1024 && _queue.TryTake(out var next))
                    batch.Add(next);
                using (var transaction = _connection.BeginTransaction())
                {
                    using var write = new NpgsqlBatch(_connection, transaction);
                    var sequences = batch.Select(item => ++_sequences[item.Writer]).ToArray();
                    Add(write, "INSERT INTO bare_entry SELECT *, 1, 1000000000000000 FROM unnest($1, $2, $3, $4)",
                        batch.Select(item => item.Writer).ToArray(), sequences, sequences.Select(sequence => $"request{sequence}").ToArray(), batch.Select(_ => new byte[32]).ToArray());
                    var totals = batch.GroupBy(item => item.Writer).Select(group => (Writer: group.Key, Count: (long)group.Count())).Append((Writer: -1, Count: batch.Count)).OrderBy(total => total.Writer).ToArray();
                    Add(write, "UPDATE bare_total SET spent = spent + added.count FROM unnest($1, $2) AS added (id, count) WHERE writer = added.id",
                        totals.Select(total => total.Writer).ToArray(), totals.Select(total => total.Count).ToArray());
                    write.ExecuteNonQuery();
                    transaction.Commit();
                }
                foreach (var item in batch)
                    item.Done.SetResult();
                batch.Clear();
            }
        }

        private static void Add(NpgsqlBatch batch, string sql, params object[] values)
        {
            var command = new NpgsqlBatchCommand(sql);
            foreach (var value in values)
                command.Parameters.Add(new NpgsqlParameter { Value = value });
            batch.BatchCommands.Add(command);
        }
    }
}
