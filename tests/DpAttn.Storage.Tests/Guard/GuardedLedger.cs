using System.Diagnostics;
using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Guard;

/// <summary>A ledger with a witness in a directory beside it, some charges, and what an attacker with the file can do to it.</summary>
internal sealed class GuardedLedger : IAsyncDisposable
{
    public static readonly StoreId Store = new("store-1");
    public static readonly AccountId Alice = new("alice");
    public static readonly AccountId Bob = new("bob");
    public static readonly ReleaseId Release = new("release-1");
    public static readonly Ladder Prices = new(1000, 3000, 9000);
    public static readonly PrivacyLimit Limit = new(new Epsilon(1), new Delta(1e-6));

    private readonly TemporaryDirectory _directory = new();
    private int _requests;

    private GuardedLedger()
    {
    }

    public string DataDirectory => _directory.File("data");

    public string WitnessDirectory => _directory.File("witness");

    public string DatabaseFile => Path.Combine(DataDirectory, SqliteStorage.FileName);

    public string WitnessFile => Path.Combine(WitnessDirectory, FileWitness.FileName);

    public SqliteStorageOptions Options => new() { Directory = DataDirectory, WitnessDirectory = WitnessDirectory, Clock = new ManualClock() };

    public SqliteStorage Storage { get; private set; } = null!;

    public IBudgetLedger Ledger => Storage.Ledger;

    /// <summary>Opens an empty one, or one with books of two accounts, both charged, with tiers open.</summary>
    public static async Task<GuardedLedger> CreateAsync(bool isEmpty = false)
    {
        var guarded = new GuardedLedger();
        Assert.Empty(await guarded.StartAsync());
        if (isEmpty)
            return guarded;
        await guarded.Ledger.CreateStoreAsync(Store, Limit);
        await guarded.Ledger.SetLimitAsync(Store, Alice, Limit);
        await guarded.Ledger.SetLimitAsync(Store, Bob, Limit);
        await guarded.OpenTierAsync(Alice, 1);
        await guarded.OpenTierAsync(Bob, 0);
        for (var i = 0; i < 5; i++)
        {
            await guarded.ChargeAsync(Alice);
            await guarded.ChargeAsync(Bob);
        }
        return guarded;
    }

    /// <summary>Opens the storage and lets the guard verify it; returns what was found.</summary>
    public async Task<List<LedgerReport>> StartAsync()
    {
        Storage = await SqliteStorage.OpenAsync(Options);
        await Storage.Guard.StartAsync();
        var found = new List<LedgerReport>();
        await Storage.Guard.VerifyPendingAsync(report =>
        {
            if (report.Reason is not null)
                found.Add(report);
        });
        return found;
    }

    public async Task StopAsync() => await Storage.DisposeAsync();

    public async Task<LedgerDecision> ChargeAsync(AccountId account, long units = 100) =>
        await Ledger.ChargeAsync(Store, account, new RequestId($"request-{_requests++}"), RequestFingerprint.Of([1]), new PrivacyAmount(units, 1));

    public async Task<LedgerDecision> OpenTierAsync(AccountId account, int tier) =>
        await Ledger.OpenAsync(Store, account, new RequestId($"request-{_requests++}"), RequestFingerprint.Of([2]), Release, tier, Prices);

    public async Task<(PrivacyAmount Store, PrivacyAmount Alice, PrivacyAmount Bob)> SpentAsync() => (
        (await Ledger.ReadStoreAsync(Store))!.Spent, (await Ledger.ReadAccountAsync(Store, Alice))?.Spent ?? default, (await Ledger.ReadAccountAsync(Store, Bob))?.Spent ?? default);

    /// <summary>Copies the closed database file.</summary>
    public string Copy(string name)
    {
        var copy = _directory.File(name);
        File.Copy(DatabaseFile, copy, overwrite: true);
        return copy;
    }

    /// <summary>Puts a copy in the place of the closed database file.</summary>
    public void PutBack(string copy) => File.Copy(copy, DatabaseFile, overwrite: true);

    /// <summary>Copies the files of an open database, as a copy by another process sees them.</summary>
    public async Task<string> CopyOpenAsync()
    {
        var copy = Directory.CreateDirectory(_directory.File("copy")).FullName;
        foreach (var file in Directory.GetFiles(DataDirectory, "dpattn.db*"))
        {
            using var process = Process.Start("cp", [file, copy]);
            await process.WaitForExitAsync();
        }
        return copy;
    }

    /// <summary>Changes the closed file as somebody does who has it and no key, the plain digests of entries recomputed.</summary>
    public void Alter(string sql)
    {
        using var session = SqliteSession.Open(DatabaseFile, readOnly: false);
        session.ExecuteScript($"DROP TRIGGER ledger_entry_is_never_changed; DROP TRIGGER ledger_entry_is_never_removed; DROP TRIGGER ledger_book_is_never_removed; PRAGMA ignore_check_constraints = 1; PRAGMA foreign_keys = 0; {sql}");
        RecomputeDigests(session);
        session.ExecuteScript("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    /// <summary>A value in the closed file.</summary>
    public string? Read(string sql)
    {
        using var session = SqliteSession.Open(DatabaseFile, readOnly: true);
        return session.Scalar(sql);
    }

    public async ValueTask DisposeAsync()
    {
        await Storage.DisposeAsync();
        _directory.Dispose();
    }

    private static void RecomputeDigests(SqliteSession session)
    {
        var entries = new List<(long Book, EntryRow Row, byte[] Mac)>();
        using (var select = session.Prepare("SELECT book, sequence, kind, request, fingerprint, release, tier, stated_epsilon, stated_delta, account_mu2, account_slack, store_mu2, store_slack, written_at, mac FROM ledger_entry"))
        {
            while (select.Step())
            {
                entries.Add((select.Integer(0), new EntryRow(
                    select.Integer(1), select.Text(2), select.TextOrNull(3), select.IsNull(4) ? null : select.Blob(4).ToArray(), select.TextOrNull(5), select.IsNull(6) ? null : select.Integer(6),
                    select.IsNull(7) ? null : select.Real(7), select.IsNull(8) ? null : select.Real(8), new PrivacyAmount(select.Integer(9), select.Integer(10)),
                    new PrivacyAmount(select.Integer(11), select.Integer(12)), select.Integer(13)), select.Blob(14).ToArray()));
            }
        }
        foreach (var (book, row, mac) in entries)
        {
            var digest = new RowDigest("ledger_entry");
            digest.Add(book);
            row.AddTo(ref digest);
            digest.Add(mac);
            using var update = session.Prepare("UPDATE ledger_entry SET digest = ?3 WHERE book = ?1 AND sequence = ?2").With(book).With(row.Sequence).With(digest.ToArray());
            update.Execute();
        }
    }
}
