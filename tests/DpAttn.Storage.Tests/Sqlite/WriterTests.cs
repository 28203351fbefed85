using System.Diagnostics;
using System.Text;
using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;
using Microsoft.Data.Sqlite;

namespace DpAttn.Storage.Tests.Sqlite;

/// <summary>The one writer: group commit, bounds, giving up, and what a failing disk does to whom.</summary>
public sealed class WriterTests : IAsyncDisposable
{
    private const int FsyncFailed = 1034; // SQLITE_IOERR_FSYNC
    private const int Full = 13;

    private static readonly StoreId Store = new("store");
    private static readonly AccountId Account = new("account");
    private static readonly PrivacyLimit Limit = new(new Epsilon(1), new Delta(1e-6));

    private readonly TemporaryDirectory _directory = new();
    private readonly ManualResetEventSlim _mayGoOn = new(initialState: true);
    private readonly ManualResetEventSlim _hasStopped = new();
    private SqliteStorage _storage;

    public WriterTests() => _storage = Open();

    private SqliteStorageOptions Options => new() { Directory = _directory.Path, QueueCapacity = 50, QueueBytes = 32 << 20 };

    public async ValueTask DisposeAsync()
    {
        _mayGoOn.Set();
        await _storage.DisposeAsync();
        _directory.Dispose();
        _mayGoOn.Dispose();
        _hasStopped.Dispose();
    }

    [Fact]
    public async Task What_waits_together_shares_one_flush()
    {
        await GrantAsync();
        var first = Stop();
        var flushes = 0;
        _storage.Writer.BeforeFlush = () => flushes++;
        var charges = Enumerable.Range(1, 40).Select(i => ChargeAsync(i)).ToArray();
        _mayGoOn.Set();

        Assert.All(await Task.WhenAll(charges), decision => Assert.True(decision.IsAdmitted));
        await first;
        Assert.Equal(2, flushes);
    }

    [Fact]
    public async Task An_operation_that_fails_half_way_takes_nothing_with_it_and_leaves_nothing()
    {
        await GrantAsync();
        var first = Stop();
        var good = Enumerable.Range(1, 5).Select(i => ChargeAsync(i)).ToArray();
        var bad = _storage.Writer.RunAsync<int>("failing", 0, session =>
        {
            session.Execute("INSERT INTO catalog VALUES ('half', 'done', 1, x'00', x'00')");
            throw new InvalidOperationException("half way");
        }, CancellationToken.None);
        var breaking = _storage.Writer.RunAsync("breaking a rule", 0, session =>
        {
            session.Execute("INSERT INTO catalog VALUES ('half', 'done', 1, x'00', x'00')");
            session.Execute("UPDATE ledger_book SET spent_mu2 = limit_mu2 + 1");
            return 0;
        }, CancellationToken.None);
        var more = Enumerable.Range(6, 5).Select(i => ChargeAsync(i)).ToArray();
        _mayGoOn.Set();

        await first;
        Assert.Equal("half way", (await Assert.ThrowsAsync<InvalidOperationException>(() => bad)).Message);
        await Assert.ThrowsAsync<StorageCorruptException>(() => breaking);
        Assert.All(await Task.WhenAll([.. good, .. more]), decision => Assert.True(decision.IsAdmitted));
        Assert.Null(await _storage.Catalog.ReadAsync("half", "done"));
        Assert.Equal(10, (await _storage.Ledger.ReadAccountAsync(Store, Account))!.Spent.MuSquared);
        Assert.Empty(await _storage.Ledger.VerifyAsync(Store));
    }

    [Fact]
    public async Task A_full_queue_is_busy_and_does_nothing()
    {
        await GrantAsync();
        var first = Stop();
        var queued = Enumerable.Range(1, 50).Select(i => ChargeAsync(i)).ToArray();

        var failure = await Assert.ThrowsAsync<StorageBusyException>(() => ChargeAsync(51));

        Assert.Contains("50", failure.Message);
        _mayGoOn.Set();
        await Task.WhenAll([first, .. queued]);
        Assert.Equal(50, (await _storage.Ledger.ReadAccountAsync(Store, Account))!.Spent.MuSquared);
        Assert.True((await ChargeAsync(51)).IsAdmitted);
    }

    [Fact]
    public async Task A_queue_full_of_bytes_is_busy_and_takes_small_changes_still()
    {
        await GrantAsync();
        var first = Stop();
        var puts = Enumerable.Range(0, 8).Select(i => PutAsync($"{i}", 4 << 20)).ToArray();

        await Assert.ThrowsAsync<StorageBusyException>(() => PutAsync("one more", 1));
        var charge = ChargeAsync(1);

        _mayGoOn.Set();
        await Task.WhenAll([first, charge, .. puts]);
        Assert.Equal(8, (await _storage.Segments.ListAsync(Store, BlobKind.Node, "", null, 100)).Count);
    }

    [Fact]
    public async Task What_is_given_up_in_the_queue_is_not_done()
    {
        await GrantAsync();
        var first = Stop();
        using var cancellation = new CancellationTokenSource();
        var charge = ChargeAsync(1, cancellation.Token);
        await cancellation.CancelAsync();

        var failure = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => charge);

        Assert.Equal(cancellation.Token, failure.CancellationToken);
        _mayGoOn.Set();
        await first;
        Assert.Equal(PrivacyAmount.Zero, (await _storage.Ledger.ReadAccountAsync(Store, Account))!.Spent);
        Assert.False(((LedgerDecision.Admitted)await ChargeAsync(1)).IsReplay);
    }

    [Fact]
    public async Task What_is_given_up_after_it_began_is_of_unknown_outcome_and_a_retry_tells()
    {
        await GrantAsync();
        using var cancellation = new CancellationTokenSource();
        Hold();
        var charge = ChargeAsync(1, cancellation.Token);
        _hasStopped.Wait();
        await cancellation.CancelAsync();

        await Assert.ThrowsAsync<StorageOutcomeUnknownException>(() => charge);

        _mayGoOn.Set();
        Assert.True(((LedgerDecision.Admitted)await ChargeAsync(1)).IsReplay);
        Assert.Equal(1, (await _storage.Ledger.ReadAccountAsync(Store, Account))!.Spent.MuSquared);
    }

    [Fact]
    public async Task Reading_does_not_wait_for_the_writer()
    {
        await GrantAsync();
        var first = Stop();
        var charge = ChargeAsync(1);
        // The writer stands still for as long as these take.
        Assert.Equal(PrivacyAmount.Zero, (await _storage.Ledger.ReadAccountAsync(Store, Account))!.Spent);
        Assert.Null(await _storage.Segments.ReadAsync(Blob("x")));
        _mayGoOn.Set();
        await Task.WhenAll(first, charge);
    }

    [Fact]
    public async Task A_failed_flush_leaves_all_its_outcomes_unknown_and_ends_writing_until_opened_again()
    {
        await GrantAsync();
        await ChargeAsync(1);
        var first = Stop();
        var charges = Enumerable.Range(2, 5).Select(i => ChargeAsync(i)).ToArray();
        var flushes = 0;
        _storage.Writer.BeforeFlush = () =>
        {
            if (++flushes == 2)
                throw new SqliteException("disk I/O error", 10, FsyncFailed);
        };
        _mayGoOn.Set();
        await first;

        foreach (var charge in charges)
            Assert.Contains("unknown", (await Assert.ThrowsAsync<StorageOutcomeUnknownException>(() => charge)).Message);

        // What may stand on lost pages is not written on; what was acknowledged before is still read.
        var failure = await Assert.ThrowsAsync<StorageUnavailableException>(() => ChargeAsync(7));
        Assert.Contains("opened again", failure.Message);
        Assert.IsType<SqliteException>(_storage.WriteFailure);
        Assert.Equal(1, (await _storage.Ledger.ReadAccountAsync(Store, Account))!.Spent.MuSquared);

        await _storage.DisposeAsync();
        _storage = Open();
        Assert.Null(_storage.WriteFailure);
        for (var i = 1; i <= 7; i++)
            Assert.True((await ChargeAsync(i)).IsAdmitted);
        Assert.Equal(7, (await _storage.Ledger.ReadAccountAsync(Store, Account))!.Spent.MuSquared);
        Assert.Empty(await _storage.Ledger.VerifyAsync(Store));
    }

    [Fact]
    public async Task A_lock_of_another_program_makes_writing_unavailable_and_only_while_it_lasts()
    {
        await GrantAsync();
        using (var session = SqliteSession.Open(_directory.File(SqliteStorage.FileName), readOnly: false))
        {
            session.Execute("BEGIN IMMEDIATE");
            var failure = await Assert.ThrowsAsync<StorageUnavailableException>(() => ChargeAsync(1));
            Assert.Contains("nothing was changed", failure.Message);
            session.Execute("ROLLBACK");
        }
        Assert.False(((LedgerDecision.Admitted)await ChargeAsync(1)).IsReplay);
        Assert.Null(_storage.WriteFailure);
    }

    [Fact]
    public async Task A_defect_in_the_writer_leaves_the_outcome_unknown_and_ends_writing_not_the_process()
    {
        await GrantAsync();
        _storage.Writer.BeforeFlush = () => throw new NotSupportedException("a defect");
        await Assert.ThrowsAsync<StorageOutcomeUnknownException>(() => ChargeAsync(1));
        _storage.Writer.BeforeFlush = null;
        await Assert.ThrowsAsync<StorageUnavailableException>(() => ChargeAsync(2));
        Assert.Equal(PrivacyAmount.Zero, (await _storage.Ledger.ReadAccountAsync(Store, Account))!.Spent);
    }

    [Fact]
    public async Task A_disk_that_fills_at_the_flush_changes_nothing_and_writing_goes_on_afterwards()
    {
        await GrantAsync();
        var first = Stop();
        var charges = Enumerable.Range(1, 5).Select(i => ChargeAsync(i)).ToArray();
        var flushes = 0;
        _storage.Writer.BeforeFlush = () =>
        {
            // The group's flush and that of each of its operations alone.
            if (++flushes is >= 2 and <= 7)
                throw new SqliteException("database or disk is full", Full, Full);
        };
        _mayGoOn.Set();
        await first;

        foreach (var charge in charges)
            await Assert.ThrowsAsync<StorageFullException>(() => charge);
        Assert.Equal(PrivacyAmount.Zero, (await _storage.Ledger.ReadAccountAsync(Store, Account))!.Spent);
        Assert.False(((LedgerDecision.Admitted)await ChargeAsync(1)).IsReplay);
    }

    [Fact]
    public async Task What_does_not_fit_on_the_disk_does_not_take_what_fits_with_it()
    {
        await GrantAsync();
        await PutAsync("there", 100_000);
        await LimitPagesAsync(40);
        var first = Stop();
        var charges = Enumerable.Range(1, 10).Select(i => ChargeAsync(i)).ToArray();
        var large = PutAsync("large", 4 << 20);
        var commit = _storage.Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("kind", "large", 0, new byte[1 << 20])], Audit = [new AuditEvent("a", "b", null, null, null)] });
        var small = PutAsync("small", 10);
        _mayGoOn.Set();

        await first;
        await Assert.ThrowsAsync<StorageFullException>(() => large);
        await Assert.ThrowsAsync<StorageFullException>(() => commit);
        Assert.All(await Task.WhenAll(charges), decision => Assert.True(decision.IsAdmitted));
        Assert.Equal(10, (await small).Bytes);
        Assert.Equal(100_000, (await _storage.Segments.ReadAsync(Blob("there")))!.Length);
        Assert.Null(await _storage.Segments.ReadAsync(Blob("large")));
        Assert.Empty(await _storage.Catalog.ListAuditAsync(0, 10));

        await LimitPagesAsync(100_000);
        Assert.Equal(4 << 20, (await PutAsync("large", 4 << 20)).Bytes);
        Assert.Empty(await _storage.Ledger.VerifyAsync(Store));
    }

    [Fact]
    public async Task What_was_erased_is_gone_from_the_files_once_the_writer_rests()
    {
        byte[][] secrets = [.. new[] { "blob", "removed row", "replaced row" }.Select(kind => Encoding.UTF8.GetBytes($"this {kind} must not stay on the disk after it was erased"))];
        await _storage.Segments.PutAsync(Blob("secret"), secrets[0]);
        await _storage.Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("kind", "removed", 0, secrets[1]), new CatalogWrite("kind", "replaced", 0, secrets[2])] });
        Assert.All(secrets, secret => Assert.True(IsOnDisk(secret)));

        await _storage.Segments.DeleteAsync(Store, BlobKind.Node, "secret");
        await _storage.Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("kind", "removed", 1, null), new CatalogWrite("kind", "replaced", 1, new byte[] { 1 })] });

        for (var i = 0; i < 100 && secrets.Any(IsOnDisk); i++)
            await Task.Delay(100);
        Assert.All(secrets, secret => Assert.False(IsOnDisk(secret)));
    }

    [Fact]
    public async Task What_was_erased_before_a_crash_is_gone_from_the_files_after_opening_again()
    {
        // The files as a crash leaves them: copied while the storage is open and its log still holds what was erased.
        var secret = "this must not stay on the disk after a crash"u8.ToArray();
        await _storage.Segments.PutAsync(Blob("secret"), secret);
        await _storage.Segments.DeleteAsync(Store, BlobKind.Node, "secret");
        using var crashed = new TemporaryDirectory();
        foreach (var path in Directory.GetFiles(_directory.Path).Where(path => !path.EndsWith(".lock", StringComparison.Ordinal)))
        {
            using var copy = Process.Start("cp", [path, crashed.Path]);
            await copy.WaitForExitAsync();
        }
        Assert.True(IsOnDisk(secret, crashed.Path));

        await using var storage = await SqliteStorage.OpenAsync(Options with { Directory = crashed.Path });

        for (var i = 0; i < 100 && IsOnDisk(secret, crashed.Path); i++)
            await Task.Delay(100);
        Assert.False(IsOnDisk(secret, crashed.Path));
    }

    [Fact]
    public async Task Entries_books_and_the_audit_log_cannot_be_changed_or_removed_by_SQL()
    {
        await GrantAsync();
        await ChargeAsync(1);
        await _storage.Catalog.CommitAsync(new CatalogCommit { Audit = [new AuditEvent("a", "b", null, null, null)] });
        string[] statements =
        [
            "UPDATE ledger_entry SET account_mu2 = 0", "DELETE FROM ledger_entry", "DELETE FROM ledger_book", "UPDATE audit SET actor = 'x'", "DELETE FROM audit",
            "UPDATE ledger_book SET spent_mu2 = limit_mu2 + 1", "UPDATE ledger_book SET spent_mu2 = -1", "UPDATE ledger_book SET limit_mu2 = 0 WHERE account <> ''",
            "INSERT INTO ledger_entry SELECT * FROM ledger_entry", "INSERT INTO ledger_tier VALUES (99, 'r', 1, x'00')",
        ];
        foreach (var statement in statements)
        {
            await Assert.ThrowsAsync<StorageCorruptException>(() => _storage.Writer.RunAsync("a statement by hand", 0, session =>
            {
                session.Execute(statement);
                return 0;
            }, CancellationToken.None));
        }
    }

    private SqliteStorage Open()
    {
        var storage = SqliteStorage.Open(Options);
        storage.Writer.BeforeBatch = () =>
        {
            if (!_mayGoOn.IsSet)
                _hasStopped.Set();
            _mayGoOn.Wait();
        };
        return storage;
    }

    private void Hold()
    {
        _hasStopped.Reset();
        _mayGoOn.Reset();
    }

    /// <summary>Makes the writer stand still with one operation in its hands; what comes then waits in the queue.</summary>
    private Task Stop()
    {
        Hold();
        var first = _storage.Catalog.CommitAsync(new CatalogCommit());
        _hasStopped.Wait();
        return first;
    }

    private async Task GrantAsync()
    {
        await _storage.Ledger.CreateStoreAsync(Store, Limit);
        await _storage.Ledger.SetLimitAsync(Store, Account, Limit);
    }

    private Task<LedgerDecision> ChargeAsync(int request, CancellationToken cancellationToken = default) => _storage.Ledger.ChargeAsync(
        Store, Account, new RequestId($"request-{request}"), RequestFingerprint.Of([1]), new PrivacyAmount(1, 0), cancellationToken);

    private Task<BlobInfo> PutAsync(string id, int bytes) => _storage.Segments.PutAsync(Blob(id), new byte[bytes]);

    private static BlobKey Blob(string id) => new(Store, BlobKind.Node, id);

    /// <summary>A disk of so many pages.</summary>
    private Task LimitPagesAsync(int beyondNow) => _storage.Writer.RunAsync(
        "limiting the file", 0, session => session.Scalar($"PRAGMA max_page_count = {int.Parse(session.Scalar("PRAGMA page_count")!) + beyondNow}"), CancellationToken.None);

    private bool IsOnDisk(byte[] content) => IsOnDisk(content, _directory.Path);

    private static bool IsOnDisk(byte[] content, string directory) => Directory.GetFiles(directory, "dpattn.db*").Any(path =>
    {
        // A copy made by another process: closing a file that SQLite has open here would drop its locks.
        using var copy = Process.Start(new ProcessStartInfo("cat", [path]) { RedirectStandardOutput = true })!;
        using var bytes = new MemoryStream();
        copy.StandardOutput.BaseStream.CopyTo(bytes);
        copy.WaitForExit();
        return bytes.ToArray().AsSpan().IndexOf(content) >= 0;
    });
}
