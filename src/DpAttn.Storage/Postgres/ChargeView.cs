using DpAttn.Privacy;
using Npgsql;

namespace DpAttn.Storage;

/// <summary>All rows that a batch of charges is decided on, read in one exchange with the server; those that may change are locked.</summary>
internal sealed class ChargeView
{
    /// <summary>How many slabs are taken back at once.</summary>
    public const int MostSlabs = 1024;

    private readonly Dictionary<(string Store, string Account), (LedgerBook Book, byte[] Mac)> _books = [];
    private readonly Dictionary<string, string> _suspensions = [];
    private readonly Dictionary<(string Store, string Account, string Request), RecordedEntry> _recorded = [];
    private readonly Dictionary<(string Store, string Account, string Release), (string Store, string Account, string Release, long Tier, byte[] Mac)> _tiers = [];
    private readonly List<(long Id, string Store)> _slabs = [];

    /// <summary>The books of accounts that are locked.</summary>
    public IEnumerable<(LedgerBook Book, byte[] Mac)> Locked => _books.Values.Where(row => !row.Book.IsOfStore);

    /// <summary>Books that hold slabs, as far as they were looked for.</summary>
    public IReadOnlyList<(long Id, string Store)> Slabs => _slabs;

    /// <summary>Whether there may be more of them.</summary>
    public bool HasMoreSlabs { get; private set; }

    public (LedgerBook Book, byte[] Mac)? Book(string store, string account) => _books.TryGetValue((store, account), out var row) ? row : null;

    public string? Suspension(string store) => _suspensions.GetValueOrDefault(store);

    /// <summary>The fingerprint recorded under a request's id, or null.</summary>
    /// <exception cref="StorageCorruptException">The entry is none that was written there.</exception>
    public RequestFingerprint? Recorded(LedgerChain chain, ChargeRequest request)
    {
        if (!_recorded.TryGetValue((request.Store, request.Account, request.Request), out var entry))
            return null;
        entry.Require(chain, request.Store, request.Account);
        return EntryRow.ToFingerprint(entry.Row.Fingerprint);
    }

    public (string Store, string Account, string Release, long Tier, byte[] Mac)? Tier(string store, string account, string release) =>
        _tiers.TryGetValue((store, account, release), out var row) ? row : null;

    public static Task<ChargeView> ReadAsync(PostgresSession session, string schema, IReadOnlyList<ChargeRequest> requests, ChargeReach reach)
    {
        var view = new ChargeView();
        string[] stores = [.. requests.Select(request => request.Store).Distinct()];
        (string, string)[] accounts = [.. requests.Select(request => (request.Store, request.Account)).Distinct()];
        var opened = requests.Where(request => request.Release is not null)
            .SelectMany(request => ((string, string, string)[])[(request.Store, request.Account, request.Release!.Value.Value), (request.Store, LedgerBook.StoreItself, request.Release!.Value.Value)])
            .Distinct().ToArray();
        // In this order: whoever closes a store waits for us or we for it, then accounts, then stores; and what is read without a lock is read after all that.
        List<(PostgresStatement Statement, Action<NpgsqlDataReader> Read)> plan =
        [
            (PostgresLocks.ShareLedgers(schema, stores), _ => { }),
            (reach == ChargeReach.Everything ? PostgresBooks.LockWithSlabs(accounts, stores, MostSlabs) : PostgresBooks.Lock(accounts), view.AddBook),
            (PostgresBooks.OfStores(stores, isLocked: reach != ChargeReach.Slabs), view.AddBook),
            (PostgresSuspensions.Select(stores), row => view.AddSuspension(PostgresSuspensions.From(row))),
            (PostgresEntries.Recorded([.. requests.Select(request => (request.Store, request.Account, request.Request)).Distinct()]), view.AddRecorded),
        ];
        if (opened.Length > 0)
            plan.Add((PostgresTiers.Select(opened), view.AddTier));
        if (reach != ChargeReach.Slabs)
            plan.Add((PostgresBooks.WithSlabs(stores, 2 * MostSlabs), row => view._slabs.Add((row.GetInt64(0), row.GetString(1)))));
        return session.QueryAllAsync([.. plan.Select(step => step.Statement)], async reader =>
        {
            foreach (var (_, read) in plan)
            {
                while (await reader.ReadAsync().ConfigureAwait(false))
                    read(reader);
                await reader.NextResultAsync().ConfigureAwait(false);
            }
            view.HasMoreSlabs = view._slabs.Count == 2 * MostSlabs;
            return view;
        });
    }

    private void AddBook(NpgsqlDataReader row)
    {
        var (book, mac) = PostgresBooks.From(row);
        _books[(book.Store, book.Account)] = (book, mac);
    }

    private void AddSuspension((string Store, string Reason) suspension) => _suspensions[suspension.Store] = suspension.Reason;

    private void AddRecorded(NpgsqlDataReader row) => _recorded[PostgresEntries.Asked(row)] = PostgresEntries.FromRecorded(row);

    private void AddTier(NpgsqlDataReader row)
    {
        var tier = PostgresTiers.From(row);
        _tiers[(tier.Store, tier.Account, tier.Release)] = tier;
    }
}
