using System.Security.Cryptography;
using System.Text;
using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>Per-query stores, and what the library alone makes of their rows under the same secret.</summary>
internal static class PerQueries
{
    public static StoreDefinition Definition(int shards = 3, string adjacency = "replace-one", double limit = 8, double scale = 4) =>
        Samples.Definition(shards, adjacency, limit: limit) with { Mechanism = new MechanismDefinition("per-query"), Scale = scale };

    public static AttendCommand Ask(string? key = "k", int? tier = 1, int queries = 2, int seed = 99) => new(Samples.Queries(queries, seed), Tier: tier, RequestId: key);

    /// <summary>The answers that plain classes of the library give: noise and sums computed past everything under test.</summary>
    public static async Task<AttentionAnswer[]> ExpectedAsync(ICatalog catalog, SecretProtector protector, StoreId store, AccountId account, AttendCommand command, int tier, RowSet rows, bool clip = false)
    {
        var document = (await catalog.ReadAsync(Documents.Store, store.Value))!.Value;
        var definition = document.Definition;
        var parameters = PerQueryParameters.Create(SchemaFactory.Schema(definition));
        var plan = PerQueryPlan.Create(parameters, command.Queries, command.Clip, Epsilon.Budget(definition.Ladder[tier]), new Delta(definition.Delta));
        var sums = new long[plan.Dimension];
        PerQuerySums.AddTo(sums, plan, PerQueryRows.Prepare(parameters, rows, clip));
        var secret = protector.Unprotect(Convert.FromBase64String(document.Secret!), $"store secret {store}");
        var digest = await RowSetDigestAsync(catalog, secret, document);
        var key = ReleaseKey.Derive(secret, PerQueryManifest.Digest(plan, store.Value, digest, account, new RequestId(command.RequestId!)));
        var noise = PerQueryNoise.Draw(plan, key);
        for (var i = 0; i < sums.Length; i++)
            sums[i] += noise[i];
        return PerQueryAnswerer.Answer(plan, sums, definition.Adjacency == "replace-one" ? rows.Count : null);
    }

    public static void RequireSame(IReadOnlyList<AttentionAnswer> expected, IReadOnlyList<AttentionAnswer> answers)
    {
        Assert.Equal(expected.Count, answers.Count);
        foreach (var (x, y) in expected.Zip(answers))
        {
            Assert.Equal(Bits(x.Output), Bits(y.Output));
            Assert.Equal(Bits(x.NoiseDeviation), Bits(y.NoiseDeviation));
            Assert.Equal(x.Intervals, y.Intervals);
            Assert.Equal(x.KernelErrorBound, y.KernelErrorBound);
            Assert.Null(y.IsIndistinguishableFromMean);
        }
    }

    private static IEnumerable<long> Bits(double[] numbers) => numbers.Select(BitConverter.DoubleToInt64Bits);

    /// <summary>The digest of a row set, written a second time from its description.</summary>
    private static async Task<byte[]> RowSetDigestAsync(ICatalog catalog, byte[] secret, StoreDocument document)
    {
        using var content = new MemoryStream();
        void Number(long number) => content.Write(BitConverter.GetBytes(number));
        void Text(string text)
        {
            Number(Encoding.UTF8.GetByteCount(text));
            content.Write(Encoding.UTF8.GetBytes(text));
        }
        Text("dpattn row set 1");
        Text(document.Incarnation);
        Number(document.NextSegment);
        Number(document.Erasures);
        await foreach (var segment in catalog.ListAsync(Documents.Segment, $"{document.Incarnation}/"))
        {
            Text(segment.Value.Blob);
            Text(segment.Value.Digest);
            Number(segment.Value.Shard);
            Number(segment.Value.Slots);
        }
        return HMACSHA256.HashData(HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, info: "dpattn row set"u8.ToArray()), content.ToArray());
    }
}

/// <summary>Shorthand for what a ledger says about itself.</summary>
internal static class Verified
{
    public static Task<IReadOnlyList<string>> LedgerFaultsAsync(this TestStorage storage, StoreId store) => storage.Ledger.VerifyAsync(store);
}
