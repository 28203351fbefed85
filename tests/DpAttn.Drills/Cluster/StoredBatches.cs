using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Npgsql;

namespace DpAttn.Drills;

/// <summary>A batch of rows that its owner was told is stored.</summary>
internal sealed record BatchLine(string Store, string Batch, long FirstSlot, int Rows);

/// <summary>A batch as it stands in the database, with the rows of those of its segments whose content is there and has the digest that it should have.</summary>
internal sealed record StoredBatch(string Store, string Batch, long FirstSlot, int Slots, int WholeRows);

/// <summary>Reads the catalog and the segments by the names of their tables, with none of the product's code.</summary>
internal static class StoredBatches
{
    public static async Task<IReadOnlyList<StoredBatch>> ReadAsync(string connectionString)
    {
        await using var connection = new NpgsqlConnection($"{connectionString};Pooling=false");
        await connection.OpenAsync();
        var segments = new Dictionary<string, (string Blob, int Rows, string Digest)>();
        await foreach (var (key, document) in DocumentsAsync(connection, "segment"))
            segments[key] = (document.GetProperty("blob").GetString()!, document.GetProperty("rows").GetInt32(), document.GetProperty("digest").GetString()!);
        var digests = await DigestsAsync(connection);
        var found = new List<StoredBatch>();
        await foreach (var (key, document) in DocumentsAsync(connection, "batch"))
        {
            var store = key[..key.IndexOf('/', StringComparison.Ordinal)];
            var (first, count) = (document.GetProperty("firstSegment").GetInt64(), document.GetProperty("segments").GetInt32());
            var whole = 0;
            for (var ordinal = first; ordinal < first + count; ordinal++)
            {
                if (segments.TryGetValue($"{store}/{ordinal.ToString("D12", CultureInfo.InvariantCulture)}", out var segment) && digests.GetValueOrDefault((store, segment.Blob)) == segment.Digest)
                    whole += segment.Rows;
            }
            found.Add(new StoredBatch(store, document.GetProperty("batch").GetString()!, document.GetProperty("firstSlot").GetInt64(), document.GetProperty("slots").GetInt32(), whole));
        }
        return found;
    }

    private static async IAsyncEnumerable<(string Key, JsonElement Document)> DocumentsAsync(NpgsqlConnection connection, string kind)
    {
        await using var command = new NpgsqlCommand("SELECT key, content FROM dpattn_catalog WHERE kind = $1 ORDER BY key", connection) { Parameters = { new() { Value = kind } } };
        await using var row = await command.ExecuteReaderAsync();
        while (await row.ReadAsync())
            yield return (row.GetString(0), JsonSerializer.Deserialize<JsonElement>(row.GetFieldValue<byte[]>(1)));
    }

    /// <summary>Of what each blob holds, its parts in order.</summary>
    private static async Task<Dictionary<(string Store, string Blob), string>> DigestsAsync(NpgsqlConnection connection)
    {
        var digests = new Dictionary<(string Store, string Blob), string>();
        await using var command = new NpgsqlCommand(
            "SELECT store, id, content FROM dpattn_blob WHERE id IN (SELECT convert_from(content, 'UTF8')::json ->> 'blob' FROM dpattn_catalog WHERE kind = 'segment') ORDER BY store, id, part", connection);
        await using var row = await command.ExecuteReaderAsync();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        (string, string)? current = null;
        while (await row.ReadAsync())
        {
            var blob = (row.GetString(0), row.GetString(1));
            if (current is { } before && before != blob)
                digests[before] = Convert.ToHexStringLower(hash.GetHashAndReset());
            current = blob;
            hash.AppendData(row.GetFieldValue<byte[]>(2));
        }
        if (current is { } last)
            digests[last] = Convert.ToHexStringLower(hash.GetHashAndReset());
        return digests;
    }
}
