using System.Security.Cryptography;
using System.Text;
using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Sqlite;

/// <summary>
/// Content with something of everything, and everything that can be read of it as named texts. It made the golden files: changing it
/// means making a new one, under a new version.
/// </summary>
internal static class Sample
{
    public static readonly StoreId Store = new("golden-store");

    public static readonly StoreId Closed = new("closed-store");

    private static readonly AccountId[] Accounts = [new("account-1"), new("account-2")];
    private static readonly ReleaseId Release = new("release-1");
    private static readonly Ladder Prices = new(1000, 3000, 9000);

    /// <summary>Writes the content; the clock stands still.</summary>
    public static async Task WriteAsync(SqliteStorage storage)
    {
        var limit = new PrivacyLimit(new Epsilon(1), new Delta(1e-6));
        var larger = new PrivacyLimit(new Epsilon(2), new Delta(1e-5));
        var ledger = storage.Ledger;
        await ledger.CreateStoreAsync(Store, limit);
        await ledger.SetStoreLimitAsync(Store, larger);
        await ledger.CreateStoreAsync(Closed, limit);
        await ledger.CloseStoreAsync(Closed);
        foreach (var account in Accounts)
            await ledger.SetLimitAsync(Store, account, limit);
        for (var i = 0; i < 20; i++)
            await ledger.ChargeAsync(Store, Accounts[i % 2], new RequestId($"charge-{i}"), RequestFingerprint.Of([(byte)i]), new PrivacyAmount(100 + i, i));
        await ledger.OpenAsync(Store, Accounts[0], new RequestId("open-0"), RequestFingerprint.Of([1]), Release, 1, Prices);
        await ledger.OpenAsync(Store, Accounts[0], new RequestId("open-1"), RequestFingerprint.Of([2]), Release, 2, Prices);
        await ledger.OpenAsync(Store, Accounts[1], new RequestId("open-0"), RequestFingerprint.Of([1]), Release, 0, Prices);
        foreach (var kind in Enum.GetValues<BlobKind>())
            await storage.Segments.PutAsync(new BlobKey(Store, kind, $"blob {kind}", (int)kind), Bytes(3000 * (int)kind, (byte)kind));
        for (var i = 0; i < 10; i++)
        {
            await storage.Catalog.CommitAsync(new CatalogCommit
            {
                Writes = [new CatalogWrite("kind", $"key/{i:D2}", 0, Bytes(50 * i, (byte)i))],
                Audit = [new AuditEvent("row.create", "account-1", i % 2 == 0 ? Store : null, $"key/{i}", i % 3 == 0 ? "detail é" : null)],
            });
        }
        await storage.Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("kind", "key/03", 1, "changed"u8.ToArray()), new CatalogWrite("kind", "key/04", 1, null)] });
    }

    /// <summary>Each thing that can be read, by name; what cannot be read is given to <paramref name="failed"/>.</summary>
    public static async Task<SortedDictionary<string, string>> ReadAsync(SqliteStorage storage, Action<string, StorageException>? failed = null)
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var ledger = storage.Ledger;
        foreach (var store in new[] { Store, Closed })
        {
            await ReadOneAsync($"books {store}", async () => await ledger.ReadStoreAsync(store) is { } books
                ? $"epsilon {books.StatedEpsilon}, limit {Text(books.Limit)}, spent {Text(books.Spent)}, {(books.IsClosed ? "closed" : "open")}"
                : null);
            foreach (AccountId? account in new AccountId?[] { null, Accounts[0], Accounts[1] })
            {
                if (account is { } id)
                {
                    await ReadOneAsync($"account {store} {id}", async () => await ledger.ReadAccountAsync(store, id) is { } budget
                        ? $"epsilon {budget.StatedEpsilon}, limit {Text(budget.Limit)}, spent {Text(budget.Spent)}, {budget.Sequence} entries, open {string.Join(' ', budget.OpenTiers)}"
                        : null);
                }
                for (var i = 0; i < 16; i++)
                    await ReadOneAsync($"entry {store} {account} {i + 1:D2}", async () => (await ledger.ListEntriesAsync(store, account, i, 1)).FirstOrDefault() is { } entry ? Text(entry) : null);
            }
        }
        foreach (var kind in Enum.GetValues<BlobKind>())
        {
            var key = new BlobKey(Store, kind, $"blob {kind}", (int)kind);
            await ReadOneAsync($"blob {kind}", async () => await storage.Segments.ReadAsync(key) is { } content ? Convert.ToHexString(content) : null);
            await ReadOneAsync($"listed {kind}", async () => (await storage.Segments.ListAsync(Store, kind, "blob", null, 10)).FirstOrDefault() is { } info
                ? $"{info.Key.Store} {info.Key.Kind} {info.Key.Id} {info.Key.Part} {info.Bytes} {Convert.ToHexString(info.Digest.Span)} {info.Written:O}"
                : null);
        }
        for (var i = 0; i < 10; i++)
        {
            await ReadOneAsync($"row {i}", async () => await storage.Catalog.ReadAsync("kind", $"key/{i:D2}") is { } row ? $"{row.Key} {row.Version} {Convert.ToHexString(row.Content.Span)}" : null);
            await ReadOneAsync($"audit {i}", async () => (await storage.Catalog.ListAuditAsync(i, 1)).FirstOrDefault() is { } line ? Text(line) : null);
        }
        return found;

        async Task ReadOneAsync(string name, Func<Task<string?>> read)
        {
            try
            {
                if (await read() is { Length: > 0 } text)
                    found.Add(name, text);
            }
            catch (StorageException failure) when (failed is not null)
            {
                failed(name, failure);
            }
        }
    }

    /// <summary>The same as one text, for a file; of long values their SHA-256.</summary>
    public static string ToText(SortedDictionary<string, string> content)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in content)
            text.Append(name).Append(" = ").Append(value.Length <= 400 ? value : $"SHA-256 {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(value)))}").Append('\n');
        return text.ToString();
    }

    private static string Text(PrivacyAmount amount) => $"{amount.MuSquared}+{amount.Slack}";

    private static string Text(StoredLedgerEntry stored)
    {
        var entry = stored.Entry;
        return $"{stored.At:O} {entry.Sequence} {entry.Kind} [{entry.Account}] [{entry.Request}] {entry.Fingerprint} [{entry.Release}] [{entry.Tier}] account {Text(entry.AccountAmount)}, store {Text(entry.StoreAmount)}";
    }

    private static string Text(AuditRow line) =>
        $"{line.Sequence} {line.At:O} [{line.Event.Action}] [{line.Event.Actor}] [{line.Event.Store}] [{line.Event.Target}] [{line.Event.Detail}]";

    /// <summary>Bytes without a pattern, so that no piece of them occurs twice.</summary>
    private static byte[] Bytes(int count, byte seed) =>
        [.. Enumerable.Range(0, count / 32 + 1).SelectMany(i => SHA256.HashData([seed, (byte)i, (byte)(i >> 8)])).Take(count)];
}
