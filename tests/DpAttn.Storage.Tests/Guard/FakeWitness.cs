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

    public Task BeginAsync(WitnessIdentity identity, CancellationToken cancellationToken = default)
    {
        _identity = identity;
        Marks.Clear();
        return Task.CompletedTask;
    }

    public async Task<IReadOnlyList<WitnessMark>> RaiseAsync(IReadOnlyList<WitnessMark> marks, CancellationToken cancellationToken = default)
    {
        await BeforeRaise();
        var conflicts = new List<WitnessMark>();
        foreach (var mark in marks)
        {
            var key = (mark.Store.Value, mark.AccountName);
            if (conflicts.Exists(known => known.Store == mark.Store && known.Account == mark.Account))
                continue;
            if (!Marks.TryGetValue(key, out var known) || (known.Version < mark.Version && known.Spent.FitsIn(mark.Spent)))
                Marks[key] = mark;
            else if (!known.IsSameState(mark))
                conflicts.Add(known);
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
