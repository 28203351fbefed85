using System.Collections.Concurrent;
using DpAttn.Privacy;

namespace DpAttn.Storage.Tests.Guard;

/// <summary>A witness in memory that can be made to fail, to wait, or to have seen something else.</summary>
internal sealed class FakeWitness : ILedgerWitness
{
    private WitnessIdentity? _identity;

    public ConcurrentDictionary<(string Store, string Account), WitnessMark> Marks { get; } = [];

    /// <summary>Runs before marks are raised; may throw or wait.</summary>
    public Func<Task> BeforeRaise { get; set; } = () => Task.CompletedTask;

    public Task<WitnessIdentity?> ReadIdentityAsync(CancellationToken cancellationToken = default) => Task.FromResult(_identity);

    public Task<bool> BeginAsync(WitnessIdentity identity, WitnessIdentity? replaced, CancellationToken cancellationToken = default)
    {
        if (_identity != replaced)
            return Task.FromResult(false);
        _identity = identity;
        Marks.Clear();
        return Task.FromResult(true);
    }

    public async Task<IReadOnlyList<WitnessMark>> RaiseAsync(IReadOnlyList<WitnessStep> steps, CancellationToken cancellationToken = default)
    {
        await BeforeRaise();
        var conflicts = new List<WitnessMark>();
        foreach (var step in steps)
        {
            var mark = step.To;
            var key = (mark.Store.Value, mark.AccountName);
            if (conflicts.Exists(known => known.Store == mark.Store && known.Account == mark.Account))
                continue;
            var seen = Marks.GetValueOrDefault(key);
            if (step.RisesOver(seen))
                Marks[key] = mark;
            else if (!seen!.IsSameState(mark))
                conflicts.Add(seen);
        }
        return conflicts;
    }

    public Task<WitnessMark?> FindAsync(StoreId store, AccountId? account, CancellationToken cancellationToken = default) =>
        Task.FromResult(Marks.GetValueOrDefault((store.Value, account?.Value ?? "")));

    public Task<IReadOnlyList<WitnessMark>> ListAsync(StoreId store, string? after, int limit, CancellationToken cancellationToken = default) =>
        Task.FromResult<IReadOnlyList<WitnessMark>>([.. Marks.Where(pair => pair.Key.Store == store.Value && (after is null || string.CompareOrdinal(pair.Key.Account, after) > 0))
            .OrderBy(pair => pair.Key.Account, StringComparer.Ordinal).Take(limit).Select(pair => pair.Value)]);

    public Task<IReadOnlyList<StoreId>> ListStoresAsync(StoreId? after, int limit, CancellationToken cancellationToken = default) =>
        Task.FromResult<IReadOnlyList<StoreId>>([.. Marks.Keys.Select(key => key.Store).Distinct().Where(store => after is null || string.CompareOrdinal(store, after.Value.Value) > 0)
            .Order(StringComparer.Ordinal).Take(limit).Select(store => new StoreId(store))]);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
