using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Guard;

/// <summary>What processes tell of a store's own total when its database has gone back under them: what was charged on the older copy comes on top of what the witness saw of it, and bounds what its accounts' losses cost it.</summary>
public sealed class StoreEvidenceTests : IAsyncLifetime
{
    private static readonly StoreId Store = new("store-1");
    private static readonly AccountId Alice = new("alice");
    private static readonly PrivacyLimit Limit = new(new Epsilon(1), new Delta(1e-6));

    private readonly TemporaryDirectory _directory = new();
    private readonly FakeWitness _witness = new();
    private SqliteStorage _storage = null!;
    private int _requests;

    public async ValueTask InitializeAsync()
    {
        _storage = SqliteStorage.Open(new SqliteStorageOptions { Directory = _directory.File("data"), Witness = _witness });
        await _storage.Guard.StartAsync();
        await _storage.Ledger.CreateStoreAsync(Store, Limit);
        await _storage.Ledger.SetLimitAsync(Store, Alice, Limit);
    }

    public async ValueTask DisposeAsync()
    {
        await _storage.DisposeAsync();
        _directory.Dispose();
    }

    /// <summary>
    /// Alice's 300 units are lost with the copy; Bob was charged 320 on it, in one charge or in several that make the store's total look as if it had gone on from what was seen of it: it is neither of both, and not the larger
    /// one.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public async Task A_store_is_charged_what_its_accounts_lost_on_top_of_what_others_were_charged_since(int charges)
    {
        var bob = new AccountId("bob");
        await _storage.Ledger.SetLimitAsync(Store, bob, Limit);
        await ChargeAsync(300);
        await TellAsync();
        var (own, all) = (_witness.Marks[("store-1", "alice")], _witness.Marks[("store-1", "")]);
        // As told before the copy was put back; the store's mark is of the same charge.
        _witness.Marks[("store-1", "alice")] = own with { Version = own.Version + 1, Spent = new PrivacyAmount(600, 0), Mac = new byte[32] };
        _witness.Marks[("store-1", "")] = all with { Version = all.Version + 1, Spent = new PrivacyAmount(600, 0), Mac = new byte[32] };
        for (var i = 0; i < charges; i++)
            await _storage.Ledger.ChargeAsync(Store, bob, new RequestId($"of-bob-{i}"), RequestFingerprint.Of([1]), new PrivacyAmount(320 / charges, 0));
        await TellAsync();
        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator"));
        Assert.Equal(600, (await _storage.Ledger.ReadAccountAsync(Store, Alice))!.Spent.MuSquared);
        Assert.Equal(320, (await _storage.Ledger.ReadAccountAsync(Store, bob))!.Spent.MuSquared);
        Assert.Equal(920, (await _storage.Ledger.ReadStoreAsync(Store))!.Spent.MuSquared);
        Assert.Empty((await _storage.Guard.VerifyAsync(Store)).Faults);
        Assert.Empty(await _storage.Ledger.VerifyAsync(Store));
    }

    /// <summary>Many opened the same tier before the database went back, and Bob opens it once more on the copy: the store paid for it on either way, once.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(40)]
    public async Task A_tier_that_was_opened_on_both_ways_costs_the_store_twice_however_many_opened_it(int count)
    {
        var (bob, release, prices) = (new AccountId("bob"), new ReleaseId("release-1"), new Ladder(1000, 3000));
        await _storage.Ledger.SetLimitAsync(Store, bob, Limit);
        await ChargeAsync(300);
        for (var i = 0; i < count; i++)
            await _storage.Ledger.SetLimitAsync(Store, new AccountId($"account-{i}"), Limit);
        await TellAsync();
        var cost = prices.Open(1);
        for (var i = 0; i < count; i++)
            SeeMore($"account-{i}");
        SeeMore("");
        Assert.True((await _storage.Ledger.OpenAsync(Store, bob, new RequestId("of-bob"), RequestFingerprint.Of([1]), release, 1, prices)).IsAdmitted);
        await ChargeAsync(20);
        await TellAsync();
        // Whatever was to be told is: the others are found by comparing.
        await _storage.Guard.CompareSomeAsync();
        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator"));
        Assert.Equal(new PrivacyAmount(320, 0) + cost + cost, (await _storage.Ledger.ReadStoreAsync(Store))!.Spent);
        for (var i = 0; i < count; i++)
            Assert.Equal(cost, (await _storage.Ledger.ReadAccountAsync(Store, new AccountId($"account-{i}")))!.Spent);
        Assert.Equal(cost, (await _storage.Ledger.ReadAccountAsync(Store, bob))!.Spent);
        Assert.Empty((await _storage.Guard.VerifyAsync(Store)).Faults);
        Assert.Empty(await _storage.Ledger.VerifyAsync(Store));

        void SeeMore(string account)
        {
            var mark = _witness.Marks[("store-1", account)];
            _witness.Marks[("store-1", account)] = mark with { Version = mark.Version + 1, Spent = mark.Spent + cost, Mac = new byte[32] };
        }
    }

    /// <summary>
    /// Another process has told the store's total of the copy over what was seen of it, before anybody compared Alice's book; then this one tells what only it knows to be lost. The store's mark is ahead, and not of what Alice
    /// lost: she is charged to the store whole.
    /// </summary>
    [Fact]
    public async Task Evidence_over_a_total_that_may_have_been_written_over_bounds_nothing()
    {
        var (bob, carol) = (new AccountId("bob"), new AccountId("carol"));
        foreach (var account in new[] { bob, carol })
            await _storage.Ledger.SetLimitAsync(Store, account, Limit);
        await ChargeAsync(300);
        // On the copy.
        await _storage.Ledger.ChargeAsync(Store, carol, new RequestId("of-carol"), RequestFingerprint.Of([1]), new PrivacyAmount(320, 0));
        await TellAsync();
        var (own, bobs, all) = (_witness.Marks[("store-1", "alice")], _witness.Marks[("store-1", "bob")], _witness.Marks[("store-1", "")]);
        _witness.Marks[("store-1", "alice")] = own with { Version = own.Version + 1, Spent = new PrivacyAmount(600, 0), Mac = new byte[32] };
        var lost = new PrivacyAmount(50, 0);
        var before = all with { Version = all.Version + 1, Spent = new PrivacyAmount(600, 0), Mac = new byte[32] };
        _storage.Books.Journal.Add(
            new WitnessStep(bobs, bobs with { Version = bobs.Version + 1, Spent = lost, Mac = new byte[32] }),
            new WitnessStep(before, before with { Version = before.Version + 1, Spent = before.Spent + lost }) { Charged = lost });
        await TellAsync();
        await TellAsync();
        var evidence = _witness.Marks[("store-1", "")];
        Assert.Equal((true, true), (evidence.IsEvidence, evidence.IsPartOfEvidence));
        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator"));
        Assert.Equal(300 + 320 + 300 + 50, (await _storage.Ledger.ReadStoreAsync(Store))!.Spent.MuSquared);
        Assert.Empty((await _storage.Guard.VerifyAsync(Store)).Faults);
    }

    /// <summary>Nothing shows this process whether what is seen of the total is of its way; the store is closed for another's finding. What it was charged is not left out, and whether the rest is complete goes with it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_a_process_was_charged_stands_on_top_of_what_is_seen_of_a_total_that_was_closed_by_another(bool isOverEvidence)
    {
        await ChargeAsync(300);
        await TellAsync();
        await _storage.Books.SuspendAsync(Store, "a test", default);
        var all = _witness.Marks[("store-1", "")];
        _witness.Marks[("store-1", "")] = all with { Version = all.Version - 1, Spent = new PrivacyAmount(290, 0), Mac = isOverEvidence ? WitnessMark.Evidence : new byte[32] };
        _storage.Books.Journal.Add(new WitnessStep(all, all) { Charged = new PrivacyAmount(20, 0) });
        await TellAsync();
        await TellAsync();
        var evidence = _witness.Marks[("store-1", "")];
        Assert.Equal((all.Version + 1, 290L + 20, true, !isOverEvidence), (evidence.Version, evidence.Spent.MuSquared, evidence.IsEvidence, evidence.IsPartOfEvidence));
        // Acknowledged, it is settled.
        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator"));
        for (var i = 1; i <= 3; i++)
        {
            Assert.True((await ChargeAsync(1)).IsAdmitted);
            await TellAsync();
            await TellAsync();
            Assert.Equal(310 + i, (await _storage.Ledger.ReadStoreAsync(Store))!.Spent.MuSquared);
            Assert.True((await _storage.Books.ReadMarkAsync(Store, null, default))!.IsSameState(_witness.Marks[("store-1", "")]));
        }
    }

    /// <summary>
    /// A process of an earlier version was first: it suspended the store, told Bob's 320 units, and left of its total what is larger of both ways, with the MAC of a state. What this one adds to that does not make it whole:
    /// Alice's 300 units are charged on top of it.
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(40)]
    public async Task What_an_earlier_version_told_of_a_total_bounds_nothing_and_nothing_that_stands_on_it(long since)
    {
        var (bob, carol) = (new AccountId("bob"), new AccountId("carol"));
        foreach (var account in new[] { bob, carol })
            await _storage.Ledger.SetLimitAsync(Store, account, Limit);
        await ChargeAsync(300);
        await TellAsync();
        var own = _witness.Marks[("store-1", "alice")];
        await _storage.Ledger.ChargeAsync(Store, bob, new RequestId("of-bob"), RequestFingerprint.Of([1]), new PrivacyAmount(320, 0));
        await TellAsync();
        await _storage.Books.SuspendAsync(Store, "books are behind the witness", default);
        var all = _witness.Marks[("store-1", "")];
        _witness.Marks[("store-1", "alice")] = own with { Version = own.Version + 1, Spent = new PrivacyAmount(600, 0), Mac = new byte[32] };
        _witness.Marks[("store-1", "")] = all with { Version = all.Version + 1 };
        if (since > 0)
        {
            // Of a process that was still to tell this when it was suspended.
            var known = _witness.Marks[("store-1", "carol")];
            _storage.Books.Journal.Add(
                new WitnessStep(known, known with { Version = known.Version + 1, Spent = new PrivacyAmount(since, 0), Mac = new byte[32] }),
                new WitnessStep(all, all with { Version = all.Version + 1, Spent = all.Spent + new PrivacyAmount(since, 0), Mac = new byte[32] }) { Charged = new PrivacyAmount(since, 0) });
            await TellAsync();
            await TellAsync();
            Assert.True(_witness.Marks[("store-1", "")].IsPartOfEvidence);
        }
        Assert.NotEmpty((await _storage.Guard.VerifyAsync(Store)).Faults);
        Assert.False(_witness.Marks[("store-1", "")].IsWholeEvidence);
        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator"));
        var spent = (await _storage.Ledger.ReadStoreAsync(Store))!.Spent.MuSquared;
        Assert.True(spent >= 920 + since, $"{spent} where {920 + since} were charged");
        Assert.Equal(920 + since, spent);
        Assert.Empty((await _storage.Guard.VerifyAsync(Store)).Faults);
    }

    /// <summary>Whether the witness can be told that the total is whole or not, the store is closed; where it cannot, each loss is charged whole.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_store_whose_total_cannot_be_sealed_is_suspended_all_the_same(bool isOutOfReach)
    {
        var bob = new AccountId("bob");
        await _storage.Ledger.SetLimitAsync(Store, bob, Limit);
        await ChargeAsync(300);
        await TellAsync();
        foreach (var name in new[] { "alice", "bob", "" })
        {
            var mark = _witness.Marks[("store-1", name)];
            _witness.Marks[("store-1", name)] = mark with { Version = mark.Version + 1, Spent = mark.Spent + new PrivacyAmount(50, 0), Mac = new byte[32] };
        }
        if (isOutOfReach)
            _witness.BeforeRaise = () => throw new StorageUnavailableException("the witness is out of reach");
        Assert.NotEmpty((await _storage.Guard.VerifyAsync(Store)).Faults);
        Assert.NotNull(await _storage.Guard.ReadSuspensionAsync(Store));
        Assert.Equal(!isOutOfReach, _witness.Marks[("store-1", "")].IsWholeEvidence);
        _witness.BeforeRaise = () => Task.CompletedTask;
        Assert.NotNull(await _storage.Guard.AcknowledgeAsync(Store, "operator"));
        // As of a tier that both had opened: with a seal once.
        Assert.Equal(isOutOfReach ? 400 : 350, (await _storage.Ledger.ReadStoreAsync(Store))!.Spent.MuSquared);
        Assert.Empty((await _storage.Guard.VerifyAsync(Store)).Faults);
    }

    /// <summary>
    /// Between the look into a conflict and the mark that is to stand over what was seen, another process acknowledges: what it wrote holds what was charged here, by the entries. That is not put on top of it once more.
    /// </summary>
    [Fact]
    public async Task What_was_acknowledged_while_a_conflict_was_looked_into_is_charged_once()
    {
        await ChargeAsync(300);
        await TellAsync();
        var (bob, all) = (new AccountId("bob"), _witness.Marks[("store-1", "")]);
        _witness.Marks[("store-1", "bob")] = new WitnessMark(Store, bob, 3, new PrivacyAmount(50, 0), new byte[32]);
        _witness.Marks[("store-1", "")] = all with { Version = all.Version + 3, Spent = new PrivacyAmount(350, 0), Mac = new byte[32] };
        await ChargeAsync(20);
        // Of the raises of one round: what was committed, the seal, and then what is to stand over it.
        var raises = 0;
        _witness.BeforeRaise = async () =>
        {
            if (++raises != 3)
                return;
            _witness.BeforeRaise = () => Task.CompletedTask;
            var other = new LedgerGuard(_storage.Books, _witness, TimeProvider.System);
            await other.StartAsync();
            await other.VerifyPendingAsync();
            Assert.NotNull(await other.AcknowledgeAsync(Store, "operator"));
            await other.StopAsync();
        };
        await TellAsync();
        Assert.Null(await _storage.Guard.ReadSuspensionAsync(Store));
        Assert.Equal(3, raises);
        for (var i = 0; i < 3; i++)
            await TellAsync();
        Assert.Null(await _storage.Guard.ReadSuspensionAsync(Store));
        Assert.Equal(370, (await _storage.Ledger.ReadStoreAsync(Store))!.Spent.MuSquared);
        Assert.Equal(370, _witness.Marks[("store-1", "")].Spent.MuSquared);
        Assert.True((await ChargeAsync(1)).IsAdmitted);
        await TellAsync();
        Assert.Empty((await _storage.Guard.VerifyAsync(Store)).Faults);
    }

    private Task TellAsync() => _storage.Guard.TellAsync();

    private Task<LedgerDecision> ChargeAsync(long units) =>
        _storage.Ledger.ChargeAsync(Store, Alice, new RequestId($"request-{_requests++}"), RequestFingerprint.Of([1]), new PrivacyAmount(units, 0));
}
