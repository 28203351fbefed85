using DpAttn.PostgresServer;
using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;
using Npgsql;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>
/// What a call reads does not grow with the tables. Plans are made once per connection, when the tables may still be empty and a scan of all of them looks cheap: they must be those
/// that are right for a million rows.
/// </summary>
public sealed class AccessPathTests
{
    private static readonly StoreId Store = new("store-1");
    private static readonly PrivacyLimit Limit = new(new Epsilon(4), new Delta(1e-6));
    private static readonly Ladder Prices = new(1000, 3000, 9000);

    private PostgresStorage _storage = null!;
    private int _requests;

    [Fact]
    public async Task No_table_is_read_as_a_whole_and_a_call_reads_as_much_after_a_hundred_thousand_entries_as_before()
    {
        var few = await ReadAsync(fill: null);
        // Not written by the ledger, so the chain is not theirs; charges read nothing of them.
        var many = await ReadAsync("""
            INSERT INTO dpattn_ledger_entry SELECT book.id, 1000000 + i, 'charge', 'other-' || i, sha256('x'), NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, sha256('x'), sha256('x')
            FROM dpattn_ledger_book book, generate_series(1, 50000) i WHERE book.store = 'store-1' AND book.account > '';
            INSERT INTO dpattn_ledger_book (store, account, stated_epsilon, stated_delta, limit_mu2, limit_slack, spent_mu2, spent_slack, reserved_mu2, reserved_slack, sequence, version, closed, exceeded, head, mac)
            SELECT 'store-2', 'account-' || i, 1, 0.1, 1, 1, 0, 0, 0, 0, 0, 0, false, false, sha256('x'), sha256('x') FROM generate_series(1, 20000) i;
            INSERT INTO dpattn_catalog SELECT 'other', 'key-' || i, 1, sha256('x'), '' FROM generate_series(1, 20000) i
            """);
        Assert.Equal((0, 0), (few.Scans, many.Scans));
        Assert.InRange(many.Rows, 1, few.Rows + few.Rows / 4);
    }

    /// <summary>Opens an empty storage, does everything often enough that plans are kept, fills the tables, and does it again.</summary>
    /// <returns>How many rows all that read, and how many times a table was read as a whole.</returns>
    private async Task<(long Rows, long Scans)> ReadAsync(string? fill)
    {
        var under = await PostgresUnderTest.CreateAsync();
        // Making the tables reads each of them, empty as it is, for every index.
        var (rows, scans) = await CountAsync(under.Options.ConnectionString);
        _storage = under.Storage;
        await _storage.Ledger.CreateStoreAsync(Store, Limit);
        foreach (var account in new[] { "alice", "bob" })
            await _storage.Ledger.SetLimitAsync(Store, new(account), Limit);
        for (var i = 0; i < 4; i++)
            await CallAllAsync();
        if (fill is not null)
            await LocalPostgres.ExecuteAsync($"{under.Options.ConnectionString};Options=-c enable_seqscan=off", fill);
        for (var i = 0; i < 4; i++)
            await CallAllAsync();
        // A connection tells what it read at the latest when it ends.
        await under.DisposeAsync();
        var (rowsAfter, scansAfter) = await CountAsync(under.Options.ConnectionString);
        return (rowsAfter - rows, scansAfter - scans);
    }

    /// <summary>Everything that a running cluster does all the time.</summary>
    private async Task CallAllAsync()
    {
        for (var i = 0; i < 10; i++)
        {
            var (account, request) = (new AccountId(i % 2 == 0 ? "alice" : "bob"), new RequestId($"request-{_requests++}"));
            Assert.True((await _storage.Ledger.ChargeAsync(Store, account, request, RequestFingerprint.Of([1]), new PrivacyAmount(1000, 1))).IsAdmitted);
            Assert.True((await _storage.Ledger.OpenAsync(Store, account, new RequestId($"open-{_requests}"), RequestFingerprint.Of([1]), new ReleaseId($"release-{_requests / 10}"), i % 3, Prices)).IsAdmitted);
            await _storage.Ledger.ReadAccountAsync(Store, account);
            await _storage.Ledger.ReadStoreAsync(Store);
            await _storage.Ledger.FindRequestAsync(Store, account, request);
            await _storage.Ledger.ListEntriesAsync(Store, account, 0, 1);
            await _storage.Ledger.ListAccountsAsync(Store, null, 1);
            var blob = new BlobKey(Store, BlobKind.Node, $"blob-{_requests}");
            await _storage.Segments.PutAsync(blob, new byte[1]);
            await _storage.Segments.ReadAsync(blob);
            await _storage.Segments.ListAsync(Store, BlobKind.Node, blob.Id, null, 1);
            await _storage.Catalog.CommitAsync(new CatalogCommit
            {
                Writes = [new CatalogWrite("kind", $"key-{_requests}", 0, new byte[1])],
                Assertions = [new CatalogAssertion("kind", "never", 0)],
                RequiredBlobs = [blob],
                Audit = [new AuditEvent("test", "someone", null, null, null)],
            });
            await _storage.Catalog.ReadAsync("kind", $"key-{_requests}");
            await _storage.Catalog.ListAsync("kind", $"key-{_requests}", null, 1);
            await _storage.Catalog.ListAuditAsync(0, 1);
        }
    }

    private static async Task<(long Rows, long Scans)> CountAsync(string connectionString)
    {
        await Task.Delay(500);
        await using var connection = new NpgsqlConnection($"{connectionString};Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("""
            SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint, sum(seq_scan)::bigint FROM pg_stat_user_tables
            WHERE schemaname = current_schema() AND relname IN ('dpattn_ledger_entry', 'dpattn_ledger_book', 'dpattn_ledger_tier', 'dpattn_catalog', 'dpattn_blob', 'dpattn_audit')
            """, connection);
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        return (reader.GetInt64(0), reader.GetInt64(1));
    }
}
