using System.Diagnostics;
using CsCheck;
using DpAttn.Privacy;

namespace DpAttn.Storage.Tests.Histories;

/// <summary>What a few threads ask of one store at once.</summary>
/// <param name="StoreLevel">The store's limit.</param>
/// <param name="Level">The first account's limit; the second one's is granted, or not, by an operation.</param>
/// <param name="Threads">The operations of each.</param>
public sealed record History(int StoreLevel, int Level, Operation[][] Threads)
{
    private static readonly Gen<int> Pause = Gen.Frequency((3, Gen.Const(0)), (1, Gen.Int[1, 3000]));

    // Ids and bodies from few, so that requests meet their own retries.
    private static readonly Gen<Operation> Operations = Gen.Frequency(
        (6, Gen.Select(Pause, Gen.Int[0, 1], Gen.Int[0, 3], Gen.Frequency((5, Gen.Const((byte)0)), (1, Gen.Const((byte)1))), Gen.Double[0.05, 0.7]).Select(t => (Operation)new Charge(t.Item1, t.Item2, t.Item3, t.Item4, t.Item5))),
        (4, Gen.Select(Pause, Gen.Int[0, 1], Gen.Int[0, 3], Gen.Frequency((5, Gen.Const((byte)0)), (1, Gen.Const((byte)1))), Gen.Int[0, 2]).Select(t => (Operation)new Open(t.Item1, t.Item2, t.Item3, t.Item4, t.Item5))),
        (2, Gen.Select(Pause, Gen.Int[0, 1], Gen.Int[0, 2]).Select(t => (Operation)new SetLimit(t.Item1, t.Item2, t.Item3))),
        (1, Gen.Select(Pause, Gen.Int[0, 2]).Select(t => (Operation)new SetStoreLimit(t.Item1, t.Item2))),
        (2, Gen.Select(Pause, Gen.Int[0, 1]).Select(t => (Operation)new ReadAccount(t.Item1, t.Item2))),
        (1, Pause.Select(pause => (Operation)new ReadStore(pause))));

    /// <summary>2 or 3 threads of 2 or 3 operations each.</summary>
    public static readonly Gen<History> Any = Gen.Select(Gen.Int[0, 2], Gen.Int[0, 2], Operations.Array[2, 3].Array[2, 3])
        .Select(t => new History(t.Item1, t.Item2, t.Item3));

    /// <summary>The ledger in memory as it is before the threads begin.</summary>
    public PrivacyLedger Model()
    {
        var model = new PrivacyLedger(Operation.Limits[StoreLevel].Amount);
        model.AddRelease(Operation.Release, Operation.Prices);
        model.SetLimit(Operation.Accounts[0], Operation.Limits[Level].Amount);
        return model;
    }

    /// <summary>Runs it on a ledger: the threads at once, through one of several connections each, then a look at everything.</summary>
    /// <returns>Every call with when it began and ended, and what it was told.</returns>
    public IReadOnlyList<Call> Run(StoreId store, params IBudgetLedger[] connections)
    {
        connections[0].CreateStoreAsync(store, Operation.Limits[StoreLevel]).GetAwaiter().GetResult();
        connections[0].SetLimitAsync(store, Operation.Accounts[0], Operation.Limits[Level]).GetAwaiter().GetResult();
        var calls = new List<Call>();
        using var start = new Barrier(Threads.Length);
        var threads = Threads.Select((operations, i) => new Thread(() =>
        {
            start.SignalAndWait();
            foreach (var operation in operations)
            {
                Thread.SpinWait(operation.Pause);
                Ask(operation, connections[i % connections.Length]);
            }
        })).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        foreach (var look in new Operation[] { new ReadAccount(0, 0), new ReadAccount(0, 1), new ReadStore(0) })
            Ask(look, connections[^1]);
        return calls;

        void Ask(Operation operation, IBudgetLedger ledger)
        {
            var began = Stopwatch.GetTimestamp();
            object? told;
            try
            {
                told = operation.AskAsync(ledger, store).GetAwaiter().GetResult();
            }
            catch (StorageException e)
            {
                told = e;
            }
            lock (calls)
                calls.Add(new Call(operation, began, Stopwatch.GetTimestamp(), told));
        }
    }
}

/// <summary>An operation that was asked, and what was told: a decision, totals, or the <see cref="StorageException"/> that it failed with.</summary>
public sealed record Call(Operation Operation, long Began, long Ended, object? Told);
