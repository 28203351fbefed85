using System.Diagnostics;
using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>The same rows give the same integers, however they are ordered, cut, spread over threads or computed.</summary>
public class BitEqualityTests
{
    private const int Rows = 2100;

    private static readonly StoreSchema Schema = new(
        Region.Ball(6, 1), Region.Ball([0.2, 0, -0.1, 0, 0.3, 0], 0.8), ValueBound.Ball(11, 1), 0.8, Adjacency.AddRemove, Rows);

    private static readonly MomentParameters Parameters = MomentParameters.Create(Schema, 3);
    private static readonly RowSet AllRows = TestRows.Rows(Schema, Rows, 7);
    private static readonly MomentMatrix Whole = MomentAccumulator.Sum(Parameters, AllRows);
    private static readonly NoiseLadder Ladder = MomentRelease.Calibrate(Parameters, [new Epsilon(0.5), new Epsilon(2)], TestRows.Delta);
    private static readonly MomentRelease Released = MomentRelease.Publish(Whole, Ladder, new byte[32], threads: 1);

    [Fact]
    public void Sums_and_releases_are_bit_equal_in_any_order()
    {
        var (keys, values) = TestRows.Make(Schema, Rows, 7);
        var order = Enumerable.Range(0, Rows).ToArray();
        var random = new Random(1);
        for (var round = 0; round < 3; round++)
        {
            random.Shuffle(order);
            var shuffledKeys = new Matrix<double>(Rows, 6);
            var shuffledValues = new Matrix<double>(Rows, 11);
            for (var i = 0; i < Rows; i++)
            {
                keys.Row(order[i]).CopyTo(shuffledKeys.Row(i));
                values.Row(order[i]).CopyTo(shuffledValues.Row(i));
            }
            AssertSame(MomentAccumulator.Sum(Parameters, RowSet.Create(shuffledKeys, shuffledValues)));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(513)]
    [InlineData(1024)]
    [InlineData(Rows)]
    public void Sums_and_releases_are_bit_equal_for_any_block_size(int block)
    {
        var total = MomentMatrix.Empty(Parameters);
        for (var start = 0; start < Rows; start += block)
            total.Add(MomentAccumulator.Sum(Parameters, AllRows.Slice(start, Math.Min(block, Rows - start))));
        AssertSame(total);
    }

    [Fact]
    public void Sums_are_bit_equal_for_every_block_size_from_one_row_to_all()
    {
        const int Few = 41;
        var whole = MomentAccumulator.Sum(Parameters, AllRows.Slice(0, Few));
        for (var block = 1; block <= Few; block++)
        {
            var total = MomentMatrix.Empty(Parameters);
            for (var start = 0; start < Few; start += block)
                total.Add(MomentAccumulator.Sum(Parameters, AllRows.Slice(start, Math.Min(block, Few - start))));
            Assert.Equal(whole.Sums, total.Sums);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(16)]
    public void Sums_and_releases_are_bit_equal_for_any_sharding(int shards)
    {
        var total = MomentMatrix.Empty(Parameters);
        // Shards answer in whatever order they finish.
        foreach (var shard in Enumerable.Range(0, shards).OrderBy(shard => shard * 7 % 16))
        {
            int start = Rows * shard / shards, end = Rows * (shard + 1) / shards;
            total.Add(MomentAccumulator.Sum(Parameters, AllRows.Slice(start, end - start), threads: 1 + shard % 2));
        }
        AssertSame(total);
    }

    [Fact]
    public void Sums_and_releases_are_bit_equal_on_any_number_of_threads()
    {
        for (var threads = 1; threads <= 5; threads++)
            AssertSame(MomentAccumulator.Sum(Parameters, AllRows, threads: threads));
    }

    /// <summary>
    /// The largest features and values that a schema allows, in every row of a block, for every number of columns: with tiles, padded columns and
    /// single ones. Products in doubles must still be the exact integers.
    /// </summary>
    [Fact]
    public void Whole_blocks_of_the_largest_features_and_values_are_summed_exactly()
    {
        const int Count = 1031;
        // The heaviest row weighs just below 2, and its features lie in the constant alone: 2^20 steps.
        var queries = Region.Ball([Math.Log(1.99)], 0.001);
        for (var dv = 1; dv <= 20; dv++)
        {
            var schema = new StoreSchema(Region.Ball(1, 1), queries, ValueBound.Ball(dv, 1.999), 1, Adjacency.ReplaceOne, Count);
            var parameters = MomentParameters.Create(schema, 2);
            var (keys, values) = (new Matrix<double>(Count, 1), new Matrix<double>(Count, dv));
            for (var i = 0; i < Count; i++)
                (keys[i, 0], values[i, dv - 1]) = (1, i % 97 == 5 ? -1.999 : 1.999);
            var rows = RowSet.Create(keys, values);
            var accumulator = new MomentAccumulator(parameters, clip: false);
            var expected = new System.Numerics.BigInteger[parameters.Dimension];
            for (var i = 0; i < Count; i++)
            {
                var (z, u) = accumulator.RowIntegers(rows, i);
                Assert.InRange(z[0], 0.98 * (1 << 20), 1 << 20);
                Assert.InRange(Math.Abs(u[dv]), 0.99 * (1 << 16), 1 << 16);
                for (var k = 0; k < expected.Length; k++)
                    expected[k] += (System.Numerics.BigInteger)z[k / u.Length] * u[k % u.Length];
            }
            Assert.Equal(expected, MomentAccumulator.Sum(parameters, rows).Sums.Select(x => (System.Numerics.BigInteger)x));
        }
    }

    [Fact]
    public void Float32_rows_have_the_integers_of_the_same_numbers_in_float64()
    {
        var (keys, values) = TestRows.Make(Schema, 600, 8);
        var single = RowSet.Create(
            new Matrix<float>(600, 6, Array.ConvertAll(keys.Data, x => (float)x)), new Matrix<float>(600, 11, Array.ConvertAll(values.Data, x => (float)x)));
        var widened = RowSet.Create(
            new Matrix<double>(600, 6, Array.ConvertAll(keys.Data, x => (double)(float)x)), new Matrix<double>(600, 11, Array.ConvertAll(values.Data, x => (double)(float)x)));
        Assert.Equal(MomentAccumulator.Sum(Parameters, single).Sums, MomentAccumulator.Sum(Parameters, widened).Sums);
    }

    [Fact]
    public void The_fast_sums_are_the_plain_sums_of_each_rows_integers()
    {
        var accumulator = new MomentAccumulator(Parameters, clip: false);
        var plain = new long[Parameters.Dimension];
        for (var row = 0; row < 700; row++)
        {
            var (z, u) = accumulator.RowIntegers(AllRows, row);
            for (var a = 0; a < z.Length; a++)
            {
                for (var c = 0; c < u.Length; c++)
                    plain[a * u.Length + c] += z[a] * u[c];
            }
        }
        Assert.Equal(plain, MomentAccumulator.Sum(Parameters, AllRows.Slice(0, 700)).Sums);
    }

    /// <summary>
    /// Each setting starts a process of its own. The process reports the width it really has, so a setting that the runtime no longer knows
    /// cannot make this test vacuous.
    /// </summary>
    [Fact]
    public void Sums_releases_and_answers_are_bit_equal_with_avx512_avx2_and_all_intrinsics_switched_off()
    {
        var normal = RunDigest(null);
        var withoutAvx512 = RunDigest("DOTNET_EnableAVX512");
        var withoutAvx2 = RunDigest("DOTNET_EnableAVX2");
        var withoutAny = RunDigest("DOTNET_EnableHWIntrinsic");
        Assert.True(withoutAvx512.Width <= 256, "AVX-512 was not switched off");
        Assert.True(withoutAvx2.Width <= 128, "AVX2 was not switched off");
        Assert.Equal(0, withoutAny.Width);
        Assert.Equal(normal.Digests, withoutAvx512.Digests);
        Assert.Equal(normal.Digests, withoutAvx2.Digests);
        Assert.Equal(normal.Digests, withoutAny.Digests);
    }

    /// <summary>Frozen, by the version of the arithmetic: a difference means that rows get other integers than on the machines that made these constants, and needs a new number.</summary>
    [Fact]
    public void Sums_on_fixed_rows_are_those_of_every_machine_before()
    {
        // Entries are only ever added.
        var moments = new Dictionary<int, string> { [1] = "sums=EBF135B8D42BEEFC040AAD39A0312E12EAD6716405C49D7C717FE1518E474424" };
        var perQuery = new Dictionary<int, string> { [1] = "perquery=B3EBF36B36499AE768A3D91A81F608189A69CAA4698A4DEEBFC10992654FDB88" };
        var trees = new Dictionary<int, string> { [1] = "trees=CAF81031D29211E99F2A0F3CD4843EC81BD1FBC525DBD58A4861A9B4878864AE" };
        var digests = RunDigest(null).Digests;
        Assert.Contains(moments[MomentAccumulator.ArithmeticVersion], digests);
        Assert.Contains("released=87ED765438E3C3C0865F4581DABDD1BEDACD9502FDC7EBB59908247E738FA17C", digests);
        Assert.Contains(perQuery[PerQuerySums.Version], digests);
        Assert.Contains(trees[DistanceTreeSums.ArithmeticVersion], digests);
    }

    /// <summary>The same sums and, for the same secret, the same released integers at every tier.</summary>
    private static void AssertSame(MomentMatrix sums)
    {
        Assert.Equal(Whole.Sums, sums.Sums);
        Assert.Equal(Rows, sums.Slots);
        var release = MomentRelease.Publish(sums, Ladder, new byte[32], threads: 2);
        for (var t = 0; t < 2; t++)
            Assert.Equal(Released.Tiers[t].Values, release.Tiers[t].Values);
    }

    private static (int Width, string Digests) RunDigest(string? switchedOff)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "DpAttn.Digest.dll");
        var start = new ProcessStartInfo("dotnet", [program]) { RedirectStandardOutput = true };
        if (switchedOff is not null)
            start.Environment[switchedOff] = "0";
        using var process = Process.Start(start)!;
        var line = process.StandardOutput.ReadToEnd().Trim();
        Assert.True(process.WaitForExit(60_000));
        Assert.Equal(0, process.ExitCode);
        var parts = line.Split(' ', 2);
        return (int.Parse(parts[0]["width=".Length..]), parts[1]);
    }
}
