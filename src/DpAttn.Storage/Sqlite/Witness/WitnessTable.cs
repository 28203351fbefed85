using DpAttn.Privacy;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace DpAttn.Storage;

/// <summary>The file of a <see cref="FileWitness"/>: its identity and a row per book. Used by one thread at a time.</summary>
internal sealed class WitnessTable : IDisposable
{
    /// <summary>"DpAw": marks a file as a witness.</summary>
    private const int ApplicationId = 0x44704177;

    private const int Version = 1;
    private const string Columns = "store, account, version, spent_mu2, spent_slack, mac, digest";

    // One file when at rest, so that nobody keeps half of it.
    private const string Settings = "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = EXTRA; PRAGMA fullfsync = 1; PRAGMA trusted_schema = 0; PRAGMA cell_size_check = 1; PRAGMA temp_store = 2";

    private readonly SqliteSession _session;

    private WitnessTable(SqliteSession session) => _session = session;

    /// <summary>Opens a file; null when there is none, or when it is damaged, which is the same as none.</summary>
    /// <exception cref="StorageRefusedException">A newer version wrote it.</exception>
    public static WitnessTable? TryOpen(string file)
    {
        if (!File.Exists(file))
            return null;
        var session = SqliteSession.Open(file, readOnly: false);
        try
        {
            session.ExecuteScript(Settings);
            var version = int.Parse(session.Scalar("PRAGMA user_version")!);
            if (version > Version)
                throw new StorageRefusedException($"the witness has version {version}, and this program knows versions up to {Version}: use a newer one");
            var table = new WitnessTable(session);
            if (session.Scalar("PRAGMA application_id") == ApplicationId.ToString() && version == Version && session.Scalar("PRAGMA quick_check(1)") == "ok" && table.IsWhole())
                return table;
        }
        // Damage to the schema looks like tables or columns that are not there.
        catch (SqliteException failure) when (failure.SqliteErrorCode is raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB or raw.SQLITE_ERROR)
        {
        }
        catch
        {
            session.Dispose();
            throw;
        }
        session.Dispose();
        return null;
    }

    /// <summary>Makes a file with an identity and no marks, in one transaction.</summary>
    public static WitnessTable Create(string file, WitnessIdentity identity)
    {
        OwnFile.MakeEmpty(file);
        var session = SqliteSession.Open(file, readOnly: false);
        try
        {
            session.ExecuteScript(Settings);
            session.ExecuteScript($"""
                BEGIN IMMEDIATE;
                PRAGMA application_id = {ApplicationId};
                PRAGMA user_version = {Version};
                CREATE TABLE witness_identity (id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), witness TEXT NOT NULL, database TEXT NOT NULL, digest BLOB NOT NULL) STRICT;
                CREATE TABLE witness_mark (
                    store       TEXT    NOT NULL,
                    account     TEXT    NOT NULL,
                    version     INTEGER NOT NULL,
                    spent_mu2   INTEGER NOT NULL,
                    spent_slack INTEGER NOT NULL,
                    mac         BLOB    NOT NULL,
                    digest      BLOB    NOT NULL,
                    PRIMARY KEY (store, account)
                ) STRICT, WITHOUT ROWID
                """);
            using (var insert = session.Prepare("INSERT INTO witness_identity (id, witness, database, digest) VALUES (1, ?1, ?2, ?3)")
                .With(identity.Witness).With(identity.Database).With(WitnessDigest.Of(identity).ToArray()))
            {
                insert.Execute();
            }
            session.Execute("COMMIT");
            return new WitnessTable(session);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Moves a file that is there to the first free name beside it.</summary>
    public static void PutAside(string file)
    {
        if (!File.Exists(file))
            return;
        var number = 1;
        while (File.Exists($"{file}.{number}"))
            number++;
        File.Move(file, $"{file}.{number}");
        // Belongs to the file that is gone, and would be played into the next one.
        File.Delete($"{file}-journal");
        OwnFile.FlushDirectory(Path.GetDirectoryName(file)!);
    }

    public WitnessIdentity? ReadIdentity()
    {
        using var select = _session.Prepare("SELECT witness, database, digest FROM witness_identity WHERE id = 1");
        if (!select.Step())
            return null;
        var identity = new WitnessIdentity(select.Text(0), select.Text(1));
        WitnessDigest.Of(identity).Require(select.Blob(2), "the witness's identity");
        return identity;
    }

    /// <summary>Raises marks in one transaction.</summary>
    /// <returns>The marks that were there already and are none that these follow; their books were not raised any further.</returns>
    public IReadOnlyList<WitnessMark> Raise(IReadOnlyList<WitnessStep> steps)
    {
        var conflicts = new Dictionary<(StoreId, string), WitnessMark>();
        _session.Execute("BEGIN IMMEDIATE");
        try
        {
            foreach (var step in steps)
            {
                var book = (step.To.Store, step.To.AccountName);
                if (conflicts.ContainsKey(book))
                    continue;
                var known = Find(step.To.Store, step.To.AccountName);
                if (step.RisesOver(known))
                    Write(step.To);
                // What stands there contradicts this round: nothing of it is written over that before somebody has looked into it.
                else if (!known!.IsSameState(step.To))
                    conflicts.Add(book, known);
            }
            _session.Execute("COMMIT");
            return [.. conflicts.Values];
        }
        finally
        {
            if (!_session.IsIdle)
                _session.Execute("ROLLBACK");
        }
    }

    public WitnessMark? Find(StoreId store, string account)
    {
        using var select = _session.Prepare($"SELECT {Columns} FROM witness_mark WHERE store = ?1 AND account = ?2").With(store.Value).With(account);
        return select.Step() ? From(select) : null;
    }

    public List<WitnessMark> List(StoreId store, string? after, int limit)
    {
        using var select = _session.Prepare(after is null
            ? $"SELECT {Columns} FROM witness_mark WHERE store = ?1 AND account >= ?2 ORDER BY account LIMIT ?3"
            : $"SELECT {Columns} FROM witness_mark WHERE store = ?1 AND account > ?2 ORDER BY account LIMIT ?3")
            .With(store.Value).With(after ?? "").With(limit);
        var found = new List<WitnessMark>();
        while (select.Step())
            found.Add(From(select));
        return found;
    }

    public List<StoreId> ListStores(StoreId? after, int limit)
    {
        using var select = _session.Prepare("SELECT DISTINCT store FROM witness_mark WHERE store > ?1 ORDER BY store LIMIT ?2").With(after?.Value ?? "").With(limit);
        var found = new List<StoreId>();
        while (select.Step())
            found.Add(new StoreId(select.Text(0)));
        return found;
    }

    public void Dispose() => _session.Dispose();

    private void Write(WitnessMark mark)
    {
        using var upsert = _session.Prepare($"""
            INSERT INTO witness_mark ({Columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            ON CONFLICT (store, account) DO UPDATE SET version = ?3, spent_mu2 = ?4, spent_slack = ?5, mac = ?6, digest = ?7
            """)
            .With(mark.Store.Value).With(mark.AccountName).With(mark.Version).With(mark.Spent.MuSquared).With(mark.Spent.Slack).With(mark.Mac.Span)
            .With(WitnessDigest.Of(mark).ToArray());
        upsert.Execute();
    }

    private bool IsWhole()
    {
        try
        {
            if (ReadIdentity() is null)
                return false;
            using var select = _session.Prepare($"SELECT {Columns} FROM witness_mark");
            while (select.Step())
                From(select);
            return true;
        }
        catch (Exception failure) when (failure is StorageCorruptException or ArgumentException)
        {
            return false;
        }
    }

    private static WitnessMark From(SqliteStatement row)
    {
        var mark = new WitnessMark(
            new StoreId(row.Text(0)), row.Text(1) is { Length: > 0 } account ? new AccountId(account) : null, row.Integer(2), new PrivacyAmount(row.Integer(3), row.Integer(4)), row.Blob(5).ToArray());
        WitnessDigest.Of(mark).Require(row.Blob(6), "a mark of the witness");
        return mark;
    }
}
