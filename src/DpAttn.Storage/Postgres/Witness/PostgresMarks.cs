using DpAttn.Privacy;
using Npgsql;

namespace DpAttn.Storage;

/// <summary>The tables dpattn_witness and dpattn_witness_mark.</summary>
internal static class PostgresMarks
{
    private const string Columns = "store, account, version, spent_mu2, spent_slack, mac, digest";
    private const string Mark = "a mark of the witness";
    private const int BooksAtOnce = 1000;

    /// <summary>Whoever raises marks shares it, and whoever begins a new generation has it alone: no mark goes to one that was replaced.</summary>
    public static PostgresStatement Lock(string schema, bool isShared) =>
        new PostgresStatement($"SELECT pg_advisory_xact_lock{(isShared ? "_shared" : "")}($1)").With(PostgresLocks.Key(schema, "witness"));

    /// <summary>The generation that is in use; null where none was ever begun.</summary>
    public static async Task<WitnessGeneration?> ReadCurrentAsync(PostgresSession session) => (await session.QueryAsync(
        new PostgresStatement("SELECT generation, witness, database, digest FROM dpattn_witness ORDER BY generation DESC LIMIT 1"),
        row =>
        {
            var identity = new WitnessIdentity(row.GetString(1), row.GetString(2));
            return new WitnessGeneration(row.GetInt64(0), WitnessDigest.Of(identity).ToArray().AsSpan().SequenceEqual(row.GetFieldValue<byte[]>(3)) ? identity : null);
        }).ConfigureAwait(false)).SingleOrDefault();

    /// <summary>Begins the next generation.</summary>
    public static PostgresStatement Begin(WitnessIdentity identity, DateTimeOffset now) => new PostgresStatement("""
        INSERT INTO dpattn_witness (generation, witness, database, begun_at, digest) SELECT coalesce(max(generation), 0) + 1, $1, $2, $3, $4 FROM dpattn_witness
        """).With(identity.Witness).With(identity.Database).With(Timestamp.ToMicroseconds(now)).With(WitnessDigest.Of(identity).ToArray());

    /// <summary>Marks of some books.</summary>
    public static PostgresStatement Select(long generation, IReadOnlyList<(string Store, string Account)> books) => new PostgresStatement($"""
        SELECT mark.* FROM unnest($2, $3) AS asked (store, account),
            LATERAL (SELECT {Columns} FROM dpattn_witness_mark WHERE (generation, store, account) = ($1, asked.store, asked.account) LIMIT 1) mark
        """).With(generation).WithAll([.. books.Select(book => book.Store)]).WithAll([.. books.Select(book => book.Account)]);

    /// <summary>Marks of a store in the order of their accounts.</summary>
    public static PostgresStatement List(long generation, StoreId store, string? after, int limit) => new PostgresStatement($"""
        SELECT {Columns} FROM dpattn_witness_mark WHERE generation = $1 AND store = $2 AND account {(after is null ? ">=" : ">")} $3 ORDER BY account LIMIT $4
        """).With(generation).With(store.Value).With(after ?? "").With(limit);

    /// <summary>Stores that have marks, from one to the next without reading the marks between.</summary>
    public static PostgresStatement ListStores(long generation, StoreId? after, int limit) => new PostgresStatement("""
        WITH RECURSIVE found (store) AS (
            (SELECT store FROM dpattn_witness_mark WHERE generation = $1 AND store > $2 ORDER BY store LIMIT 1)
            UNION ALL
            SELECT (SELECT mark.store FROM dpattn_witness_mark mark WHERE mark.generation = $1 AND mark.store > found.store ORDER BY mark.store LIMIT 1) FROM found WHERE found.store IS NOT NULL
        )
        SELECT store FROM found WHERE store IS NOT NULL LIMIT $3
        """).With(generation).With(after?.Value ?? "").With(limit);

    /// <exception cref="StorageCorruptException">The mark is damaged.</exception>
    public static WitnessMark From(NpgsqlDataReader row)
    {
        // A damaged name or amount is none that there could be, which shows before its digest does.
        var mark = Whole(() => new WitnessMark(
            new StoreId(row.GetString(0)),
            row.GetString(1) is { Length: > 0 } account ? new AccountId(account) : null,
            row.GetInt64(2),
            new PrivacyAmount(row.GetInt64(3), row.GetInt64(4)),
            row.GetFieldValue<byte[]>(5)));
        WitnessDigest.Of(mark).Require(row.GetFieldValue<byte[]>(6), Mark);
        return mark;
    }

    /// <exception cref="StorageCorruptException">The store's name is damaged.</exception>
    public static StoreId StoreFrom(NpgsqlDataReader row) => Whole(() => new StoreId(row.GetString(0)));

    /// <summary>Raises marks, in the transaction that the session has begun.</summary>
    /// <returns>The marks that were there already and are none that these follow.</returns>
    /// <remarks>Rows are locked in the order of their keys, so that no two writers wait for each other; what is to follow in one book, round by round.</remarks>
    public static async Task<IReadOnlyList<WitnessMark>> RaiseAsync(PostgresSession session, long generation, IReadOnlyList<WitnessStep> steps)
    {
        var conflicts = new List<WitnessMark>();
        var books = steps.GroupBy(step => (Store: step.To.Store.Value, Account: step.To.AccountName))
            .OrderBy(book => book.Key.Store, StringComparer.Ordinal).ThenBy(book => book.Key.Account, StringComparer.Ordinal);
        foreach (var some in books.Chunk(BooksAtOnce))
        {
            var round = some.Select(book => new Queue<WitnessStep>(book)).ToList();
            while (round.Count > 0)
            {
                var found = await RaiseOnceAsync(session, generation, [.. round.Select(book => book.Dequeue())]).ConfigureAwait(false);
                conflicts.AddRange(found);
                var stopped = found.Select(mark => (mark.Store, mark.Account)).ToHashSet();
                round = [.. round.Where(book => book.Count > 0 && !stopped.Contains((book.Peek().To.Store, book.Peek().To.Account)))];
            }
        }
        return conflicts;
    }

    /// <summary>One step of each book.</summary>
    private static async Task<IEnumerable<WitnessMark>> RaiseOnceAsync(PostgresSession session, long generation, IReadOnlyList<WitnessStep> steps)
    {
        var inserted = await session.QueryAsync(InsertOrLock(generation, steps), Key).ConfigureAwait(false);
        var raised = (await session.QueryAsync(Update(generation, steps), Key).ConfigureAwait(false)).Concat(inserted).ToHashSet();
        var left = steps.Select(step => step.To).Where(mark => !raised.Contains((mark.Store.Value, mark.AccountName))).ToDictionary(mark => (mark.Store.Value, mark.AccountName));
        return left.Count == 0 ? [] : (await session.QueryAsync(Select(generation, [.. left.Keys]), From).ConfigureAwait(false)).Where(known => !known.IsSameState(left[(known.Store.Value, known.AccountName)]));
    }

    /// <summary>Marks that are not there are written; those that are, locked. Returns the former.</summary>
    private static PostgresStatement InsertOrLock(long generation, IReadOnlyList<WitnessStep> steps) => WithMarks(new PostgresStatement("""
        INSERT INTO dpattn_witness_mark AS mark (generation, store, account, version, spent_mu2, spent_slack, mac, digest)
        SELECT $1, step.store, step.account, step.version, step.mu2, step.slack, step.mac, step.digest
        FROM unnest($2, $3, $4, $5, $6, $7, $8) WITH ORDINALITY AS step (store, account, version, mu2, slack, mac, digest, place) ORDER BY step.place
        ON CONFLICT (generation, store, account) DO UPDATE SET version = mark.version WHERE false
        RETURNING mark.store, mark.account
        """).With(generation), steps);

    /// <summary>Marks that are exactly those that are followed rise. Returns them.</summary>
    private static PostgresStatement Update(long generation, IReadOnlyList<WitnessStep> steps) => WithMarks(new PostgresStatement("""
        UPDATE dpattn_witness_mark mark SET version = step.version, spent_mu2 = step.mu2, spent_slack = step.slack, mac = step.mac, digest = step.digest
        FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) AS step (store, account, version, mu2, slack, mac, digest, from_version, from_mu2, from_slack, from_mac)
        WHERE (mark.generation, mark.store, mark.account) = ($1, step.store, step.account)
            AND (mark.version, mark.spent_mu2, mark.spent_slack, mark.mac) = (step.from_version, step.from_mu2, step.from_slack, step.from_mac)
            AND mark.version < step.version AND mark.spent_mu2 <= step.mu2 AND mark.spent_slack <= step.slack
        RETURNING mark.store, mark.account
        """).With(generation), steps)
        .WithAll([.. steps.Select(step => step.From?.Version)]).WithAll([.. steps.Select(step => step.From?.Spent.MuSquared)]).WithAll([.. steps.Select(step => step.From?.Spent.Slack)])
        .WithAll([.. steps.Select(step => step.From?.Mac.ToArray())]);

    private static PostgresStatement WithMarks(PostgresStatement statement, IReadOnlyList<WitnessStep> steps)
    {
        var marks = steps.Select(step => step.To).ToList();
        return statement.WithAll([.. marks.Select(mark => mark.Store.Value)]).WithAll([.. marks.Select(mark => mark.AccountName)]).WithAll([.. marks.Select(mark => mark.Version)])
            .WithAll([.. marks.Select(mark => mark.Spent.MuSquared)]).WithAll([.. marks.Select(mark => mark.Spent.Slack)]).WithAll([.. marks.Select(mark => mark.Mac.ToArray())])
            .WithAll([.. marks.Select(mark => WitnessDigest.Of(mark).ToArray())]);
    }

    private static (string Store, string Account) Key(NpgsqlDataReader row) => (row.GetString(0), row.GetString(1));

    // What is wrong with it is not repeated: it may be a name.
    private static T Whole<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (ArgumentException)
        {
            throw new StorageCorruptException($"{Mark} is not what was written: it holds what no mark does");
        }
    }
}
