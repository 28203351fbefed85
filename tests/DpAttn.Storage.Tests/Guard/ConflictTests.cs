using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Guard;

/// <summary>
/// The witness has seen alice's book at version 10; the database goes back to 9 and on to another 10, while it is in use. That closes the store however often looking into it
/// fails, and what the witness saw is kept for the acknowledgement.
/// </summary>
public sealed class ConflictTests : IAsyncLifetime
{
    private static readonly StoreId Store = new("store-1");
    private static readonly AccountId Alice = new("alice");
    private static readonly PrivacyLimit Limit = new(new Epsilon(1), new Delta(1e-6));
    private static readonly WitnessMark Seen = new(Store, Alice, 10, new PrivacyAmount(100, 0), new byte[32]);

    private readonly TemporaryDirectory _directory = new();
    private readonly FakeWitness _witness = new();
    private SqliteStorage _storage = null!;
    private int _requests;

    /// <summary>A storage whose own guard has no witness; the tests tell this one.</summary>
    public async ValueTask InitializeAsync()
    {
        _storage = SqliteStorage.Open(new SqliteStorageOptions { Directory = _directory.File("data") });
        await _storage.Ledger.CreateStoreAsync(Store, Limit);
        await _storage.Ledger.SetLimitAsync(Store, Alice, Limit);
        for (var i = 0; i < 8; i++)
            await ChargeAsync(10);
        _storage.Books.Journal.Keep();
        _witness.Marks[("store-1", "alice")] = Seen;
    }

    public async ValueTask DisposeAsync()
    {
        await _storage.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_conflict_whose_look_fails_closes_the_store_at_the_next_one()
    {
        await using var teller = Tell(failures: 1);
        await ChargeAsync(10);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => teller.TellAsync(default));

        await teller.TellAsync(default);

        Assert.Contains("behind the witness", (await Assert.ThrowsAsync<LedgerSuspendedException>(() => ChargeAsync(10))).Message);
    }

    /// <summary>
    /// This process holds a charge untold that is lost with the older copy; another one's way is found and acknowledged before this one reaches the witness, and goes on beyond what was lost. That was not acknowledged.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_an_acknowledgement_knew_nothing_of_is_not_excused_by_charges_after_it(bool isScanned)
    {
        // Version 9 of 80 units is common; the witness saw another 10 of 100, which is acknowledged; charges go on.
        var known = (await _storage.Books.ReadMarkAsync(Store, Alice, default))!;
        var lost = known with { Version = 10, Spent = new PrivacyAmount(600, 0), Mac = Enumerable.Repeat((byte)7, 32).ToArray() };
        var guard = await AcknowledgeSeenAsync();
        await ChargeAsync(900);
        Assert.True((await _storage.Books.ReadMarkAsync(Store, Alice, default))!.Spent.MuSquared > 900);
        // What was acknowledged stays so.
        Assert.False(await WitnessInquiry.IsLostAsync(_storage.Books, Seen, default));
        Assert.True(await WitnessInquiry.IsLostAsync(_storage.Books, lost, default));

        if (isScanned)
        {
            _witness.Marks[("store-1", "alice")] = lost;
            Assert.Contains((await guard.VerifyAsync(Store)).Faults, fault => fault.Kind == LedgerFaultKind.OtherHistory);
            return;
        }
        await using var teller = Tell(failures: 0);
        _storage.Books.Journal.Add(new WitnessStep(known, lost));
        await teller.TellAsync(default);
        await Assert.ThrowsAsync<LedgerSuspendedException>(() => ChargeAsync(10));
        Assert.True(_witness.Marks[("store-1", "alice")].Spent.MuSquared >= 100 + 520);
    }

    /// <summary>The same with a charge so small that the acknowledgement charged more than all of that way; not for it.</summary>
    [Fact]
    public async Task What_is_lost_and_was_told_nobody_is_charged_though_the_acknowledgement_was_of_more()
    {
        var known = (await _storage.Books.ReadMarkAsync(Store, Alice, default))!;
        await AcknowledgeSeenAsync();
        _storage.Books.Journal.Add(new WitnessStep(known, known with { Version = 10, Spent = new PrivacyAmount(90, 0), Mac = Enumerable.Repeat((byte)7, 32).ToArray() }));
        await using var teller = Tell(failures: 0);
        await teller.TellAsync(default);
        await Assert.ThrowsAsync<LedgerSuspendedException>(() => ChargeAsync(10));
        Assert.Equal(100 + 10, _witness.Marks[("store-1", "alice")].Spent.MuSquared);
    }

    /// <summary>The acknowledgement knew of the loss, by another process; this one is charged once more before it sees that.</summary>
    [Fact]
    public async Task What_was_acknowledged_is_neither_found_nor_charged_again_with_what_was_charged_since()
    {
        var known = (await _storage.Books.ReadMarkAsync(Store, Alice, default))!;
        await using var teller = Tell(failures: 0);
        _storage.Books.Journal.Add(new WitnessStep(known, known with { Version = 10, Spent = new PrivacyAmount(600, 0), Mac = Enumerable.Repeat((byte)7, 32).ToArray() }));
        await teller.TellAsync(default);
        Assert.Equal(100 + 520, _witness.Marks[("store-1", "alice")].Spent.MuSquared);
        await AcknowledgeAsync();
        Assert.Equal(620, (await _storage.Ledger.ReadAccountAsync(Store, Alice))!.Spent.MuSquared);

        for (var i = 1; i <= 3; i++)
        {
            Assert.True((await ChargeAsync(10)).IsAdmitted);
            await teller.TellAsync(default);
            await teller.TellAsync(default);
            Assert.True((await _storage.Books.ReadMarkAsync(Store, Alice, default))!.IsSameState(_witness.Marks[("store-1", "alice")]));
            Assert.Equal(620 + 10 * i, _witness.Marks[("store-1", "alice")].Spent.MuSquared);
        }
        Assert.Null(await _storage.Books.ReadSuspensionAsync(Store, default));
    }

    [Fact]
    public async Task It_is_told_as_a_failure_until_it_was_looked_into()
    {
        await using var teller = Tell(failures: 3);
        await ChargeAsync(10);
        var failed = 0;
        for (var i = 0; i < 200 && await _storage.Books.ReadSuspensionAsync(Store, default) is null; i++)
        {
            failed += teller.Failure is StorageUnavailableException ? 1 : 0;
            await Task.Delay(50);
        }
        Assert.True(failed > 10, $"seen failing {failed} times in two rounds of 0.4 s");
        Assert.NotNull(await _storage.Books.ReadSuspensionAsync(Store, default));
    }

    [Fact]
    public async Task A_conflict_whose_look_fails_is_looked_into_when_telling_stops()
    {
        var teller = Tell(failures: 1);
        await ChargeAsync(10);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => teller.TellAsync(default));
        await teller.DisposeAsync();
        await Assert.ThrowsAsync<LedgerSuspendedException>(() => ChargeAsync(10));
    }

    [Fact]
    public async Task What_the_witness_saw_is_never_written_over_and_what_was_charged_since_comes_on_top()
    {
        await using var teller = Tell(failures: 2);
        // The second state would rise over what was seen, in the same round and in those that follow.
        await ChargeAsync(10);
        await ChargeAsync(30);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => teller.TellAsync(default));
        await ChargeAsync(40);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => teller.TellAsync(default));
        await ChargeAsync(50);
        await teller.TellAsync(default);
        await teller.TellAsync(default);
        Assert.Equal(100 + 10 + 30 + 40 + 50, _witness.Marks[("store-1", "alice")].Spent.MuSquared);
        Assert.True(_witness.Marks[("store-1", "alice")].Version > (await _storage.Books.ReadMarkAsync(Store, Alice, default))!.Version);
        Assert.NotNull(await _storage.Books.ReadSuspensionAsync(Store, default));
    }

    [Fact]
    public async Task A_store_whose_suspension_somebody_removed_is_suspended_again()
    {
        await using var teller = Tell(failures: 0);
        await ChargeAsync(10);
        await teller.TellAsync(default);
        await _storage.Writer.RunAsync("a deed", 0, session =>
        {
            session.Execute("DELETE FROM ledger_suspension");
            return true;
        }, default);
        await teller.TellAsync(default);
        await Assert.ThrowsAsync<LedgerSuspendedException>(() => ChargeAsync(10));
    }

    [Fact]
    public async Task What_came_with_a_mark_that_was_merely_late_is_told()
    {
        var early = (await _storage.Books.ReadMarkAsync(Store, Alice, default))!;
        await ChargeAsync(10);
        // As a verification tells it, between a change and its round.
        _witness.Marks[("store-1", "alice")] = (await _storage.Books.ReadMarkAsync(Store, Alice, default))!;
        await ChargeAsync(10);
        _storage.Books.Journal.Add(new WitnessStep(null, early));
        await using var teller = Tell(failures: 0);
        await teller.TellAsync(default);
        Assert.Equal(11, _witness.Marks[("store-1", "alice")].Version);
        Assert.True((await ChargeAsync(10)).IsAdmitted);
    }

    /// <summary>What the witness saw, and the database does not have, is acknowledged.</summary>
    private Task<LedgerGuard> AcknowledgeSeenAsync() => AcknowledgeAsync(Seen);

    /// <summary>Another process acknowledges, of a book as it says or as the witness has it.</summary>
    private async Task<LedgerGuard> AcknowledgeAsync(WitnessMark? seen = null)
    {
        seen ??= _witness.Marks[("store-1", "alice")];
        var guard = new LedgerGuard(_storage.Books, _witness, TimeProvider.System);
        await guard.StartAsync();
        _witness.Marks[("store-1", "alice")] = seen;
        await guard.VerifyPendingAsync();
        Assert.NotNull(await guard.AcknowledgeAsync(Store, "operator"));
        await guard.StopAsync();
        return guard;
    }

    private WitnessTeller Tell(int failures)
    {
        var teller = new WitnessTeller(new UnreadableBooks(_storage.Books, failures), _witness, _ => Task.FromResult(true), _storage.Books.SuspendAsync);
        teller.Begin();
        return teller;
    }

    private Task<LedgerDecision> ChargeAsync(long units) =>
        _storage.Ledger.ChargeAsync(Store, Alice, new RequestId($"request-{_requests++}"), RequestFingerprint.Of([1]), new PrivacyAmount(units, 0));
}
