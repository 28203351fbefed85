using System.Collections.Concurrent;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>
/// The per-query requests under way on this silo. A request goes on when its caller gives up, since it is paid for by then; whoever repeats it waits for the same run,
/// as a replay.
/// </summary>
internal sealed class PerQueryRuns
{
    private readonly ConcurrentDictionary<(StoreId, string, string, string), Lazy<Task<AskOutcome>>> _runs = new();

    public async Task<AskOutcome> RunAsync(StoreId store, AskCommand command, Func<Task<AskOutcome>> run)
    {
        // Another body is another run: the ledger tells that its key is taken.
        var key = (store, command.Account, command.Request, Convert.ToHexString(command.Content));
        var isOwn = false;
        var running = _runs.GetOrAdd(key, _ => new Lazy<Task<AskOutcome>>(() =>
        {
            isOwn = true;
            return Task.Run(run);
        }));
        try
        {
            var outcome = await running.Value;
            return isOwn || outcome.Answers is null ? outcome : outcome with { Charge = outcome.Charge with { IsReplay = true } };
        }
        finally
        {
            _runs.TryRemove(new(key, running));
        }
    }
}
