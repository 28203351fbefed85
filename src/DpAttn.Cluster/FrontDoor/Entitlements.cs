using System.Collections.Concurrent;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>
/// The silo's cache of grants and opened tiers. It knows only what the ledger once said: tiers are opened for ever and grants are never taken back, so an old
/// entry is never too generous, but it may miss what was opened on another silo. It is asked again when it is older than a poll, and when the ledger cannot
/// tell, what it said last goes on answering: that is paid for.
/// </summary>
internal sealed class Entitlements(Generation generation, ClusterOptions options, TimeProvider clock)
{
    private const int MostEntries = 100_000;
    private readonly ConcurrentDictionary<(StoreId, AccountId), Entry> _entries = new();

    /// <summary>What an account may, or null without a grant.</summary>
    /// <param name="store">The store.</param>
    /// <param name="account">The account.</param>
    /// <param name="isFresh">Whether it must be asked for now; then a ledger that cannot tell is an error.</param>
    /// <param name="load">Asks the ledger.</param>
    /// <exception cref="ProblemException">ledger_unavailable: the ledger cannot tell, and nothing is remembered or may be used.</exception>
    public async ValueTask<Entitlement?> GetAsync(StoreView store, AccountId account, bool isFresh, Func<Task<AccountState?>> load)
    {
        var key = (store.Id, account);
        _entries.TryGetValue(key, out var known);
        var epoch = generation.Epoch;
        if (!isFresh && known is not null && known.Epoch == epoch && generation.IsFresh)
        {
            // One caller a poll asks again; the others need not wait for it.
            if (clock.GetElapsedTime(known.Asked) <= options.GenerationPoll || !known.TryRenew(clock, options.GenerationPoll))
                return known.Value;
        }
        try
        {
            var asked = clock.GetTimestamp();
            if (await load() is { } state)
                return Keep(store, account, state, epoch, asked);
            _entries.TryRemove(key, out _);
            return null;
        }
        catch (ProblemException e) when (!isFresh && known is not null && e.Code is ProblemCodes.LedgerUnavailable or ProblemCodes.Busy)
        {
            // Not asked again before the next poll, so that answers do not wait for a ledger that is down.
            _entries.TryUpdate(key, new Entry(known.Value, epoch, clock.GetTimestamp()), known);
            return known.Value;
        }
    }

    /// <summary>Remembers what the ledger said, unless something newer is known.</summary>
    /// <param name="store">The store.</param>
    /// <param name="account">The account.</param>
    /// <param name="state">What it said.</param>
    /// <param name="epoch">The generation's epoch before it was asked.</param>
    /// <param name="asked">When it was asked.</param>
    public Entitlement Keep(StoreView store, AccountId account, AccountState state, long epoch, long asked)
    {
        var key = (store.Id, account);
        if (_entries.Count >= MostEntries)
            _entries.Clear();
        while (true)
        {
            if (!_entries.TryGetValue(key, out var known))
            {
                var first = new Entry(new Entitlement(state, store.Delta), epoch, asked);
                if (_entries.TryAdd(key, first))
                    return first.Value;
                continue;
            }
            // Entries of an account have rising numbers: of the same number is the same state, whose conversions are made already.
            var value = known.Value.State.Sequence >= state.Sequence ? known.Value : new Entitlement(state, store.Delta);
            if (_entries.TryUpdate(key, new Entry(value, Math.Max(epoch, known.Epoch), Math.Max(asked, known.Asked)), known))
                return value;
        }
    }

    private sealed class Entry(Entitlement value, long epoch, long asked)
    {
        private long _tried = asked;

        public Entitlement Value => value;

        public long Epoch => epoch;

        public long Asked { get; } = asked;

        /// <summary>Whether the caller is the one that asks again: one in every interval, should it fail or give up.</summary>
        public bool TryRenew(TimeProvider clock, TimeSpan interval)
        {
            var tried = Interlocked.Read(ref _tried);
            return clock.GetElapsedTime(tried) > interval && Interlocked.CompareExchange(ref _tried, clock.GetTimestamp(), tried) == tried;
        }
    }
}
