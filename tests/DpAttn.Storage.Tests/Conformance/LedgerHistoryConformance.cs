using CsCheck;
using DpAttn.Privacy;
using DpAttn.Storage.Tests.Histories;

namespace DpAttn.Storage.Tests.Conformance;

/// <summary>
/// Short histories of a few threads, through two writers where the storage has them: whatever they were told, one after another they could have been told the same.
/// </summary>
public abstract class LedgerHistoryConformance : StorageConformance
{
    private int _stores;

    [Fact]
    public void Histories_of_concurrent_operations_are_linearizable() => AreLinearizable(500);

    [Fact, Trait("Suite", "Long")]
    public void Ten_thousand_histories_of_concurrent_operations_are_linearizable() => AreLinearizable(10_000);

    private void AreLinearizable(int histories)
    {
        var overlapping = 0;
        History.Any.Sample(
            history =>
            {
                var calls = history.Run(new StoreId($"history-{_stores++}"), Ledger, Storage.Other.Ledger);
                if (calls.Any(call => call.Told is StorageException))
                    throw new InvalidOperationException("nothing fails here, and a call did");
                overlapping += calls.Any(call => calls.Any(other => other != call && other.Began < call.Ended && call.Began < other.Ended)) ? 1 : 0;
                return Linearizability.Holds(history, calls);
            },
            print: history => string.Join('\n', history.Threads.Select(thread => string.Join("; ", thread.Select(operation => operation.ToString())))),
            iter: histories,
            threads: 1);
        // Calls that never meet would prove nothing.
        Assert.True(overlapping > histories / 2, $"only in {overlapping} of {histories} histories did calls overlap");
    }
}
