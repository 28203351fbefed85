using DpAttn.Privacy;

namespace DpAttn.Storage.Tests.Guard;

/// <summary>A witness only moves forward, keeps what it was told, lets nobody write over what they did not know, and says where it was not told the truth. Wherever it is kept.</summary>
public abstract class WitnessConformance : IAsyncDisposable
{
    protected static readonly StoreId Store = new("store-1");
    protected static readonly AccountId Alice = new("alice");
    protected static readonly WitnessIdentity Identity = new("witness-1", "database-1");

    /// <summary>Opens the witness of this test, again where it was opened before.</summary>
    protected abstract Task<ILedgerWitness> OpenAsync();

    public abstract ValueTask DisposeAsync();

    [Fact]
    public async Task What_it_was_told_is_there_after_opening_again()
    {
        await using (var witness = await BeginAsync())
        {
            Assert.Empty(await witness.RaiseAsync([Step(null, Mark(3, 30)), Step(Mark(3, 30), Mark(5, 50)), Step(null, StoreMark(9, 80))]));
            Assert.Empty(await witness.RaiseAsync([Step(Mark(5, 50), Mark(6, 50))]));
        }
        await using var again = await OpenAsync();
        Assert.Equal(Identity, await again.ReadIdentityAsync());
        RequireSame(Mark(6, 50), await again.FindAsync(Store, Alice));
        RequireSame(StoreMark(9, 80), await again.FindAsync(Store, null));
        Assert.Null(await again.FindAsync(Store, new AccountId("bob")));
    }

    [Fact]
    public async Task It_never_moves_back_and_tells_what_stood_there()
    {
        await using var witness = await BeginAsync();
        await witness.RaiseAsync([Step(null, Mark(5, 50))]);

        // Older, of the same version and another state, and later with less spent: none of them rises.
        await RequireConflictAsync(Mark(4, 40));
        await RequireConflictAsync(Mark(5, 51));
        await RequireConflictAsync(Mark(5, 50, mac: 9));
        await RequireConflictAsync(Mark(7, 49));
        // The very same again is no contradiction.
        Assert.Empty(await witness.RaiseAsync([Step(null, Mark(5, 50)), Step(Mark(4, 40), Mark(5, 50))]));
        RequireSame(Mark(5, 50), await witness.FindAsync(Store, Alice));

        async Task RequireConflictAsync(WitnessMark mark)
        {
            RequireSame(Mark(5, 50), Assert.Single(await witness.RaiseAsync([Step(Mark(5, 50), mark)])));
            RequireSame(Mark(5, 50), await witness.FindAsync(Store, Alice));
        }
    }

    [Fact]
    public async Task Nothing_rises_over_a_mark_that_it_does_not_follow()
    {
        await using var witness = await BeginAsync();
        await witness.RaiseAsync([Step(null, Mark(5, 50))]);
        // Of another history, from before, from after, or from nobody knows what.
        foreach (var from in new[] { Mark(5, 50, mac: 9), Mark(5, 49), Mark(4, 40), Mark(6, 60), null })
            RequireSame(Mark(5, 50), Assert.Single(await witness.RaiseAsync([Step(from, Mark(7, 70))])));
        RequireSame(Mark(5, 50), await witness.FindAsync(Store, Alice));
        Assert.Empty(await witness.RaiseAsync([Step(Mark(5, 50), Mark(7, 70))]));
        RequireSame(Mark(7, 70), await witness.FindAsync(Store, Alice));
        // What follows something that it was never told is all that it knows of a book.
        Assert.Empty(await witness.RaiseAsync([Step(StoreMark(2, 20), StoreMark(3, 30))]));
        RequireSame(StoreMark(3, 30), await witness.FindAsync(Store, null));
    }

    [Fact]
    public async Task What_it_saw_is_not_written_over_in_the_round_that_contradicts_it()
    {
        await using var witness = await BeginAsync();
        await witness.RaiseAsync([Step(null, Mark(10, 100))]);
        RequireSame(Mark(10, 100), Assert.Single(await witness.RaiseAsync(
            [Step(Mark(9, 90), Mark(10, 91, mac: 9)), Step(Mark(10, 100), Mark(12, 120, mac: 9)), Step(null, StoreMark(3, 120))])));
        RequireSame(Mark(10, 100), await witness.FindAsync(Store, Alice));
        RequireSame(StoreMark(3, 120), await witness.FindAsync(Store, null));
    }

    [Fact]
    public async Task Marks_are_listed_in_ordinal_order_the_stores_own_first()
    {
        await using var witness = await BeginAsync();
        string[] accounts = ["b", "a-1", "a", "Z", "~", "a1"];
        await witness.RaiseAsync([Step(null, StoreMark(1, 1)), .. accounts.Select(account => Step(null, new WitnessMark(Store, new AccountId(account), 1, new PrivacyAmount(1, 0), new byte[32])))]);
        await witness.RaiseAsync([Step(null, new WitnessMark(new StoreId("store-0"), null, 1, default, new byte[32]))]);

        var listed = new List<string>();
        string? after = null;
        while (await witness.ListAsync(Store, after, 2) is { Count: > 0 } page)
        {
            listed.AddRange(page.Select(mark => mark.Account?.Value ?? ""));
            after = listed[^1];
        }

        Assert.Equal(["", .. accounts.Order(StringComparer.Ordinal)], listed);
        Assert.Equal(["store-0", "store-1"], (await witness.ListStoresAsync(null, 10)).Select(store => store.Value));
        Assert.Equal(["store-1"], (await witness.ListStoresAsync(new StoreId("store-0"), 10)).Select(store => store.Value));
        Assert.Equal(["store-0"], (await witness.ListStoresAsync(null, 1)).Select(store => store.Value));
    }

    [Fact]
    public async Task One_that_was_never_begun_takes_and_tells_nothing()
    {
        await using var witness = await OpenAsync();
        Assert.Null(await witness.ReadIdentityAsync());
        await Assert.ThrowsAsync<StorageUnavailableException>(() => witness.RaiseAsync([Step(null, Mark(1, 1))]));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => witness.FindAsync(Store, Alice));
    }

    [Fact]
    public async Task It_is_begun_anew_only_by_whoever_knows_what_is_there()
    {
        await using var witness = await BeginAsync();
        await witness.RaiseAsync([Step(null, Mark(5, 50))]);
        var next = new WitnessIdentity("witness-2", "database-1");
        Assert.False(await witness.BeginAsync(next, null));
        Assert.False(await witness.BeginAsync(next, Identity with { Witness = "witness-0" }));
        Assert.Equal(Identity, await witness.ReadIdentityAsync());
        RequireSame(Mark(5, 50), await witness.FindAsync(Store, Alice));
        Assert.True(await witness.BeginAsync(next, Identity));
        Assert.Equal(next, await witness.ReadIdentityAsync());
        Assert.Null(await witness.FindAsync(Store, Alice));
        Assert.Empty(await witness.RaiseAsync([Step(null, Mark(1, 10))]));
    }

    [Fact]
    public async Task A_round_of_many_books_is_told_whole()
    {
        await using var witness = await BeginAsync();
        var marks = Enumerable.Range(0, 2500).Select(i => new WitnessMark(Store, new AccountId($"a{i * 7919 % 2500}"), 1, new PrivacyAmount(i, 0), new byte[32])).ToList();
        Assert.Empty(await witness.RaiseAsync([.. marks.Select(mark => Step(null, mark))]));
        var later = marks.Select(mark => mark with { Version = 2 }).ToList();
        // Some of them are contradicted, and the others rise all the same.
        var conflicts = await witness.RaiseAsync([.. later.Select((mark, i) => Step(i % 100 == 0 ? null : marks[i], mark))]);
        Assert.Equal(25, conflicts.Count);
        for (var i = 0; i < later.Count; i += 50)
            RequireSame(i % 100 == 0 ? marks[i] : later[i], await witness.FindAsync(Store, marks[i].Account));
    }

    protected async Task<ILedgerWitness> BeginAsync()
    {
        var witness = await OpenAsync();
        Assert.True(await witness.BeginAsync(Identity, null));
        return witness;
    }

    protected static WitnessStep Step(WitnessMark? from, WitnessMark to) => new(from, to);

    protected static WitnessMark Mark(long version, long spent, byte mac = 1) => new(Store, Alice, version, new PrivacyAmount(spent, 0), Enumerable.Repeat((byte)(mac + version), 32).ToArray());

    protected static WitnessMark StoreMark(long version, long spent) => new(Store, null, version, new PrivacyAmount(spent, 0), new byte[32]);

    protected static void RequireSame(WitnessMark expected, WitnessMark? actual)
    {
        Assert.NotNull(actual);
        Assert.True(expected.IsSameState(actual) && expected.Store == actual.Store && expected.Account == actual.Account, $"{expected} expected, and {actual} found");
    }
}
