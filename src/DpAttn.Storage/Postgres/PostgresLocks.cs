using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace DpAttn.Storage;

/// <summary>
/// Locks on names, for what row locks cannot do: to keep a row from appearing that must not be there. They belong to the transaction. All that one transaction needs are taken at
/// once, in the order of their keys, so that no two transactions ever wait for each other.
/// </summary>
internal sealed class PostgresLocks(string schema)
{
    /// <summary>A transaction that names more takes one lock on everything instead: the server's table of locks is bounded.</summary>
    private const int MostNames = 128;

    private readonly SortedDictionary<long, bool> _keys = [];

    /// <summary>A number for a name; two names that meet in one wait for each other, and nothing worse.</summary>
    public static long Key(string schema, params IReadOnlyList<string> name) =>
        BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{schema}\n{string.Join('\n', name)}")));

    /// <summary>The name that whoever changes a store's ledger shares, and whoever closes or suspends it has alone. A lock in the server's memory: the store's row stays untouched.</summary>
    public static string[] LedgerOf(string store) => ["ledger", store];

    /// <summary>Takes the locks of some stores' ledgers, and nothing else.</summary>
    public static PostgresStatement ShareLedgers(string schema, IEnumerable<string> stores)
    {
        var keys = stores.Select(store => Key(schema, LedgerOf(store))).Distinct().Order().ToArray();
        return Statement(keys, [.. keys.Select(_ => true)]);
    }

    /// <summary>Asks for a name: alone, or with others who share it.</summary>
    public void Add(bool isShared, params IReadOnlyList<string> name)
    {
        var key = Key(schema, name);
        _keys[key] = isShared && _keys.GetValueOrDefault(key, true);
    }

    /// <summary>The statement that takes the locks.</summary>
    public PostgresStatement Take()
    {
        var everything = Key(schema, "everything");
        if (_keys.Count > MostNames)
            return Statement([everything], [false]);
        // Not among the others' order: it is the first one that every transaction takes.
        return Statement([everything, .. _keys.Keys], [true, .. _keys.Values]);
    }

    private static PostgresStatement Statement(long[] keys, bool[] areShared) => new PostgresStatement("""
        SELECT count(CASE WHEN is_shared THEN pg_advisory_xact_lock_shared(key)::text ELSE pg_advisory_xact_lock(key)::text END)
        FROM unnest($1, $2) AS name (key, is_shared)
        """).WithAll(keys).WithAll(areShared);
}
