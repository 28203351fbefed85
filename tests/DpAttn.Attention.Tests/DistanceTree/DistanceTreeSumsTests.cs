using System.Runtime.InteropServices;
using System.Security.Cryptography;
using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>The same rows give the same integers, however they are ordered, cut, spread over threads or stored in between.</summary>
public class DistanceTreeSumsTests
{
    private const int Rows = 2100;
    private static readonly StoreSchema Schema = TestRows.BoxSchema(3, 5, Rows, 0.4, Adjacency.AddRemove);
    private static readonly DistanceTreeParameters Trees = DistanceTreeParameters.Create(Schema, 2, 0.2, 32, 3);
    private static readonly DistanceTreeParameters Exact = DistanceTreeParameters.Create(Schema, 2, 0, 1024);

    public static TheoryData<bool> Variants => [false, true];

    [Theory]
    [MemberData(nameof(Variants))]
    public void Sums_and_releases_are_bit_equal_for_any_sharding_order_block_and_number_of_threads(bool exact)
    {
        var parameters = exact ? Exact : Trees;
        var (keys, values) = TestRows.Make(Schema, Rows, 7);
        var isNull = Enumerable.Range(0, Rows).Select(i => i % 17 == 3).ToArray();
        var rows = RowSet.Create(keys, values, isNull);
        var whole = DistanceTreeSums.Sum(parameters, rows);
        foreach (var threads in new[] { 2, 3, 7 })
            AssertSame(whole, DistanceTreeSums.Sum(parameters, rows, threads: threads));
        foreach (var shards in new[] { 2, 3, 16, 300 })
        {
            var total = DistanceTreeSums.Empty(parameters);
            foreach (var shard in Enumerable.Range(0, shards).OrderBy(shard => shard * 7 % shards))
            {
                int start = Rows * shard / shards, end = Rows * (shard + 1) / shards;
                var part = DistanceTreeSums.Sum(parameters, rows.Slice(start, end - start), threads: 1 + shard % 2);
                // A shard's sums, stored and read back.
                total.Add(DistanceTreeSums.FromNumbers(parameters, [.. part.Numbers], part.Slots));
            }
            AssertSame(whole, total);
        }
        var inPlace = DistanceTreeSums.Empty(parameters);
        foreach (var start in new[] { 0, 1, 1024, 1500 })
            DistanceTreeSums.AddTo(inPlace, rows.Slice(start, (start == 0 ? 1 : start == 1 ? 1024 : start == 1024 ? 1500 : Rows) - start));
        AssertSame(whole, inPlace);

        var order = Enumerable.Range(0, Rows).ToArray();
        new Random(1).Shuffle(order);
        var (shuffledKeys, shuffledValues) = (new Matrix<double>(Rows, 3), new Matrix<double>(Rows, 5));
        for (var i = 0; i < Rows; i++)
        {
            keys.Row(order[i]).CopyTo(shuffledKeys.Row(i));
            values.Row(order[i]).CopyTo(shuffledValues.Row(i));
        }
        AssertSame(whole, DistanceTreeSums.Sum(parameters, RowSet.Create(shuffledKeys, shuffledValues, [.. order.Select(i => isNull[i])])));
    }

    /// <summary>Parts asked of shards and added are the parts of all rows: a service never needs the sums in one place.</summary>
    [Theory]
    [MemberData(nameof(Variants))]
    public void Parts_asked_of_each_shard_add_up_and_noised_they_answer_like_the_release(bool exact)
    {
        var parameters = exact ? Exact : Trees;
        var rows = TestRows.Rows(Schema, Rows, 8);
        var ladder = DistanceReleases.Ladder(parameters, 0.5, 1);
        var sums = DistanceTreeSums.Sum(parameters, rows);
        var key = ReleaseKey.Derive(new byte[32], DistanceTreeManifest.Digest(parameters, ladder, Rows, new byte[32]));
        var shards = Enumerable.Range(0, 4).Select(i => DistanceTreeNodes.Over(DistanceTreeSums.Sum(parameters, rows.Slice(i * 525, 525)))).ToArray();
        var release = DistanceTreeRelease.Publish(sums, ladder, key);
        foreach (var query in new double[][] { [0.1, 0.5, 0.9], [1, 1, 1], [0, 0, 0] })
        {
            var plan = DistanceTreeQueryPlan.For(parameters, query);
            long[] parts = [.. plan.Parts];
            Assert.Equal(parts.Length, parts.Distinct().Count());
            var total = new long[parts.Length * parameters.Columns];
            foreach (var shard in shards)
            {
                var answer = shard.Read(parts);
                for (var i = 0; i < total.Length; i++)
                    total[i] += answer[i];
            }
            for (var tier = 0; tier < 2; tier++)
            {
                var fetched = new Fetched(parameters, Rows, new DistanceTreeNoise(parameters, ladder, key, tier), parts, total);
                var expected = new DistanceTreeAnswerer(release.Tiers[tier]).Answer(query);
                var answer = new DistanceTreeAnswerer(fetched).Answer(plan);
                Assert.Equal(expected.Output, answer.Output);
                Assert.Equal(expected.NoiseDeviation, answer.NoiseDeviation);
                Assert.Equal(expected.IsIndistinguishableFromMean, answer.IsIndistinguishableFromMean);
            }
        }
    }

    /// <summary>Every part of every row, from the row's grid points alone.</summary>
    [Fact]
    public void Parts_are_the_plain_sums_over_rows()
    {
        const int Few = 40;
        var (keys, values) = TestRows.Make(Schema, Few, 9);
        var nodes = DistanceTreeNodes.Over(DistanceTreeSums.Sum(Trees, RowSet.Create(keys, values)));
        var features = new double[Trees.Features];
        foreach (var part in DistanceSensitivitySearch.PartsOf(Trees).Skip(2).Append(DistanceTreeParameters.CountPart))
        {
            var expected = new long[Trees.Columns];
            for (var i = 0; i < Few; i++)
            {
                Trees.Taylor.Expand(keys.Row(i), features);
                if (part != DistanceTreeParameters.CountPart)
                {
                    var (a, node) = Trees.FeatureOf(part);
                    var (from, to) = Trees.Grids[a].Shape.LeavesOf(node);
                    var cell = Trees.Grids[a].CellOf(features[a]);
                    if (cell < from || cell >= to)
                        continue;
                }
                expected[0] += Trees.GammaSteps;
                for (var j = 0; j < 5; j++)
                    expected[j + 1] += (long)Math.Round(Math.ScaleB(values[i, j], Trees.ValueExponent));
            }
            Assert.Equal(expected, nodes.Read([part]));
        }
    }

    [Fact]
    public void Float32_rows_have_the_integers_of_the_same_numbers_in_float64()
    {
        var (keys, values) = TestRows.Make(Schema, 600, 8);
        var single = RowSet.Create(new Matrix<float>(600, 3, Array.ConvertAll(keys.Data, x => (float)x)), new Matrix<float>(600, 5, Array.ConvertAll(values.Data, x => (float)x)));
        var widened = RowSet.Create(new Matrix<double>(600, 3, Array.ConvertAll(keys.Data, x => (double)(float)x)), new Matrix<double>(600, 5, Array.ConvertAll(values.Data, x => (double)(float)x)));
        Assert.Equal(DistanceTreeSums.Sum(Trees, single).Numbers, DistanceTreeSums.Sum(Trees, widened).Numbers);
    }

    /// <summary>Frozen, by the version of the arithmetic: a difference means that rows get other integers than on the machines that made these constants, and needs a new number.</summary>
    [Fact]
    public void Sums_on_fixed_rows_are_those_of_every_machine_before()
    {
        // Entries are only ever added.
        var ofVersion = new Dictionary<int, string> { [1] = "DF070FDC472F6474 221858E5F0B8094C" };
        Assert.Equal(ofVersion[DistanceTreeSums.ArithmeticVersion], $"{Digest(DistanceTreeSums.Sum(Trees, FixedRows()).Numbers)} {Digest(DistanceTreeSums.Sum(Exact, FixedRows()).Numbers)}");
    }

    /// <summary>
    /// Frozen, by the scheme of addresses: every part, column, copy and tier of a release. Its noise is drawn anew at every read for as long as it lives, so another value of one number is a
    /// second noise on the same sum. Calibration goes through the platform's exp and erfc, so the record is one of x64 on Linux.
    /// </summary>
    [Fact]
    public void The_noise_of_every_part_copy_and_tier_is_that_of_every_machine_before()
    {
        SkipElsewhere();
        // Entries are only ever added.
        var ofScheme = new Dictionary<int, string> { [1] = "8661ABD936798458 AA64DA2F85079F99" };
        Assert.Equal(ofScheme[DistanceTreeNoise.AddressScheme], $"{DigestOfNoise(Trees, source => source)} {DigestOfNoise(Exact, source => source)}");
    }

    /// <summary>A build that addresses only one node, copy or tier otherwise changes the digest that is frozen above.</summary>
    [Fact]
    public void One_address_that_differs_changes_the_frozen_digest()
    {
        var lastCopy = 2L * 2 * Trees.GridCells * Trees.Features;
        foreach (var (parameters, node, tier) in new[] { (Trees, DistanceTreeParameters.SquarePart, 1), (Trees, lastCopy + Trees.PartOf(Trees.Features - 1, 2 * Trees.GridCells - 1), 0), (Exact, Exact.Features - 1L, 1) })
            Assert.NotEqual(DigestOfNoise(parameters, source => source), DigestOfNoise(parameters, source => new OtherAddress(source, node, tier)));
    }

    /// <summary>Frozen: what the manifest hashes. A stored release's key follows from it.</summary>
    [Fact]
    public void The_manifest_hashes_what_it_always_did()
    {
        SkipElsewhere();
        var (trees, exact) = (DistanceReleases.Ladder(Trees, 0.5, 1), DistanceReleases.Ladder(Exact, 1));
        string[] digests = [.. new[]
        {
            DistanceTreeManifest.Digest(Trees, trees, 64, new byte[32]), DistanceTreeManifest.Digest(Exact, exact, 64, new byte[32]), DistanceTreeManifest.Digest(DistanceTreeSums.Sum(Trees, FixedRows()), trees),
        }.Select(digest => Convert.ToHexString(digest)[..16])];
        Assert.Equal("5B18BF058337F7E6 3594A4F9E0EE7B09 9222004ED3E011AD", string.Join(' ', digests));
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Bad_rows_and_sums_are_refused_and_name_what_is_wrong(bool exact)
    {
        var parameters = exact ? Exact : Trees;
        var (keys, values) = TestRows.Make(Schema, 30, 3);
        keys[20, 1] = 1.5;
        keys[25, 0] = double.NaN;
        foreach (var threads in new[] { 1, 4 })
        {
            var rejected = Assert.Throws<RowRejectedException>(() => DistanceTreeSums.Sum(parameters, RowSet.Create(keys, values), threads: threads));
            Assert.Equal("key of row 20: coordinate 1 lies outside [0, 1]", rejected.Message);
            Assert.Equal(25, Assert.Throws<RowRejectedException>(() => DistanceTreeSums.Sum(parameters, RowSet.Create(keys, values), clip: true, threads: threads)).Row);
        }
        Refused("the schema states 3 and 5", () => DistanceTreeSums.Sum(parameters, TestRows.OneRow([1], [1])));
        Refused("exceed the store's capacity of 2100", () => DistanceTreeSums.Sum(parameters, TestRows.Rows(Schema, Rows + 1, 1)));
        Refused("threads", () => DistanceTreeSums.Sum(parameters, TestRows.Rows(Schema, 2, 1), threads: 0));
        Refused("different parameters", () => DistanceTreeSums.Empty(parameters).Add(DistanceTreeSums.Empty(DistanceTreeParameters.Create(Schema, 2, 0, 1024))));
        Refused("integers, not 3", () => DistanceTreeSums.FromNumbers(parameters, new long[3], 0));
        Refused("exceed the store's capacity of 2100", () => DistanceTreeSums.FromNumbers(parameters, new long[DistanceTreeSums.SizeFor(parameters)], Rows + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => DistanceTreeNodes.Over(DistanceTreeSums.Empty(parameters)).Read([parameters.PartCount * 100]));
        Assert.Throws<ArgumentOutOfRangeException>(() => DistanceTreeNodes.Over(DistanceTreeSums.Empty(parameters)).Read([-1]));
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => DistanceTreeSums.AddTo(DistanceTreeSums.Empty(parameters), TestRows.Rows(Schema, 2, 1), cancellationToken: cancelled.Token));
    }

    private static void SkipElsewhere() =>
        Assert.SkipUnless(OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64, "the record is one of x64 on Linux");

    private static RowSet FixedRows()
    {
        var (keys, values) = (new Matrix<double>(64, 3), new Matrix<double>(64, 5));
        for (var i = 0; i < 64; i++)
        {
            for (var j = 0; j < 3; j++)
                keys[i, j] = (i * 37 + j * 11) % 64 / 63.0;
            for (var j = 0; j < 5; j++)
                values[i, j] = ((i * 13 + j * 7) % 41 - 20) / 50.0;
        }
        return RowSet.Create(keys, values);
    }

    /// <summary>Every part at both tiers of a release of no row's weight: the noise alone, under a key that no manifest is part of.</summary>
    private static string DigestOfNoise(DistanceTreeParameters parameters, Func<INoiseSource, INoiseSource> wrap)
    {
        var ladder = DistanceReleases.Ladder(parameters, 0.5, 1);
        var (exact, width) = (new long[parameters.Columns], parameters.Columns * parameters.Copies);
        long[] parts = [.. DistanceSensitivitySearch.PartsOf(parameters)];
        var noise = new long[2 * parts.Length * width];
        for (var tier = 0; tier < 2; tier++)
        {
            var ofTier = new DistanceTreeNoise(parameters, ladder, wrap(DistanceReleases.Noise(11)), tier);
            for (var i = 0; i < parts.Length; i++)
                ofTier.Noise(parts[i], exact, noise.AsSpan((tier * parts.Length + i) * width, width));
        }
        return Digest(noise);
    }

    private static string Digest(long[] numbers) =>
        Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes(numbers.AsSpan())))[..16];

    private static void AssertSame(DistanceTreeSums expected, DistanceTreeSums actual)
    {
        Assert.Equal(expected.Numbers, actual.Numbers);
        Assert.Equal(expected.Slots, actual.Slots);
    }

    private static void Refused(string message, Action act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);

    /// <summary>A build that takes one node's noise of one tier from elsewhere.</summary>
    private sealed class OtherAddress(INoiseSource source, long node, int tier) : INoiseSource
    {
        public void Fill(NoiseAddress address, Span<long> destination) =>
            source.Fill(address.Node == node && address.Tier == tier ? address with { Node = long.MaxValue } : address, destination);
    }

    /// <summary>Only what was fetched, noised once: what a coordinator hands to a query.</summary>
    private sealed class Fetched : IDistanceTreeParts
    {
        private readonly Dictionary<long, long[]> _noised = [];
        private readonly DistanceTreeNoise _noise;

        public Fetched(DistanceTreeParameters parameters, long slots, DistanceTreeNoise noise, long[] parts, long[] exact)
        {
            (Parameters, Slots, _noise) = (parameters, slots, noise);
            for (var i = 0; i < parts.Length; i++)
            {
                var noised = new long[parameters.Copies * parameters.Columns];
                noise.Noise(parts[i], exact.AsSpan(i * parameters.Columns, parameters.Columns), noised);
                _noised.Add(parts[i], noised);
            }
        }

        public DistanceTreeParameters Parameters { get; }

        public long Slots { get; }

        public double Deviation => _noise.Variance.Sigma.Value;

        public void Read(long part, Span<long> destination) => _noised[part].CopyTo(destination);
    }
}
