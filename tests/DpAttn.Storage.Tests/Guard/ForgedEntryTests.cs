using DpAttn.Privacy;

namespace DpAttn.Storage.Tests.Guard;

/// <summary>While the storage is in use: an entry that somebody made who has the file and no key answers nobody, its plain digest made to fit.</summary>
public sealed class ForgedEntryTests : IAsyncLifetime
{
    private static readonly RequestFingerprint Fingerprint = RequestFingerprint.Of([9]);
    private static readonly PrivacyAmount Cost = new(100, 1);

    private GuardedLedger _guarded = null!;

    public async ValueTask InitializeAsync() => _guarded = await GuardedLedger.CreateAsync();

    public ValueTask DisposeAsync() => _guarded.DisposeAsync();

    [Theory]
    [InlineData(99)]
    [InlineData(8)]
    public async Task An_entry_that_was_put_there_is_corrupt_and_no_answer(long sequence)
    {
        var request = new RequestId("smuggled");
        await InsertAsync(new EntryRow(sequence, "charge", request.Value, Convert.FromHexString(Fingerprint.Hex), null, null, null, null, Cost, Cost, 1));

        await RequireCorruptAsync(() => _guarded.Ledger.FindRequestAsync(GuardedLedger.Store, GuardedLedger.Alice, request));
        await RequireCorruptAsync(() => _guarded.Ledger.ChargeAsync(GuardedLedger.Store, GuardedLedger.Alice, request, Fingerprint, Cost));
        await RequireCorruptAsync(() => _guarded.Ledger.OpenAsync(GuardedLedger.Store, GuardedLedger.Alice, request, Fingerprint, GuardedLedger.Release, 2, GuardedLedger.Prices));
    }

    [Fact]
    public async Task An_entry_that_was_opened_for_less_is_corrupt_and_no_answer()
    {
        var request = new RequestId("smuggled");
        await InsertAsync(new EntryRow(99, "open", request.Value, Convert.FromHexString(Fingerprint.Hex), GuardedLedger.Release.Value, 2, null, null, Cost, Cost, 1));
        await RequireCorruptAsync(() => _guarded.Ledger.OpenAsync(GuardedLedger.Store, GuardedLedger.Alice, request, Fingerprint, GuardedLedger.Release, 2, GuardedLedger.Prices));
    }

    [Fact]
    public async Task Entries_that_were_written_are_found_and_others_go_on()
    {
        await InsertAsync(new EntryRow(99, "charge", "smuggled", Convert.FromHexString(Fingerprint.Hex), null, null, null, null, Cost, Cost, 1));
        var request = new RequestId("honest");
        Assert.True((await _guarded.Ledger.ChargeAsync(GuardedLedger.Store, GuardedLedger.Alice, request, Fingerprint, Cost)).IsAdmitted);
        Assert.Equal(Cost, (await _guarded.Ledger.FindRequestAsync(GuardedLedger.Store, GuardedLedger.Alice, request))!.Entry.AccountAmount);
        Assert.True(Assert.IsType<LedgerDecision.Admitted>(await _guarded.Ledger.ChargeAsync(GuardedLedger.Store, GuardedLedger.Alice, request, Fingerprint, Cost)).IsReplay);
        Assert.Null(await _guarded.Ledger.FindRequestAsync(GuardedLedger.Store, GuardedLedger.Bob, request));
        // The first of all requests, whose entry follows the one of the limit.
        Assert.NotNull(await _guarded.Ledger.FindRequestAsync(GuardedLedger.Store, GuardedLedger.Alice, new RequestId("request-0")));
    }

    private Task InsertAsync(EntryRow row) => _guarded.Storage.Writer.RunAsync("a deed", 0, session =>
    {
        var book = LedgerBooks.ReadUnchecked(session, GuardedLedger.Store, GuardedLedger.Alice.Value)!.Value.Book;
        LedgerEntries.Append(session, book.Id, row, new byte[LedgerChain.Bytes]);
        return true;
    }, default);

    private static async Task RequireCorruptAsync(Func<Task> call) => Assert.Contains("MAC", (await Assert.ThrowsAsync<StorageCorruptException>(call)).Message);
}
