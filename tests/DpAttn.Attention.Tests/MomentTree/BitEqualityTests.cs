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

    [Fact]
    public void Sums_are_bit_equal_in_any_order()
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
            Assert.Equal(Whole.Sums, MomentAccumulator.Sum(Parameters, RowSet.Create(shuffledKeys, shuffledValues)).Sums);
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
    public void Sums_are_bit_equal_for_any_block_size(int block)
    {
        var total = MomentMatrix.Empty(Parameters);
        for (var start = 0; start < Rows; start += block)
            total.Add(MomentAccumulator.Sum(Parameters, AllRows.Slice(start, Math.Min(block, Rows - start))));
        Assert.Equal(Whole.Sums, total.Sums);
        Assert.Equal(Rows, total.Slots);
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
        Assert.Equal(Whole.Sums, total.Sums);
        var ladder = MomentRelease.Calibrate(Parameters, [new Epsilon(0.5), new Epsilon(2)], TestRows.Delta);
        var secret = Enumerable.Range(0, 32).Select(i => (byte)i).ToArray();
        var one = MomentRelease.Publish(Whole, ladder, secret, threads: 1);
        var two = MomentRelease.Publish(total, ladder, secret, threads: 2);
        for (var t = 0; t < 2; t++)
            Assert.Equal(one.Tiers[t].Values, two.Tiers[t].Values);
    }

    [Fact]
    public void Sums_are_bit_equal_on_any_number_of_threads()
    {
        for (var threads = 1; threads <= 5; threads++)
            Assert.Equal(Whole.Sums, MomentAccumulator.Sum(Parameters, AllRows, threads: threads).Sums);
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

    [Fact]
    public void Sums_on_fixed_rows_are_those_of_every_machine_before()
    {
        // Frozen: a difference means that rows get other integers than on the machines that made this constant.
        Assert.Contains("sums=EBF135B8D42BEEFC040AAD39A0312E12EAD6716405C49D7C717FE1518E474424", RunDigest(null).Digests);
        Assert.Contains("released=87ED765438E3C3C0865F4581DABDD1BEDACD9502FDC7EBB59908247E738FA17C", RunDigest(null).Digests);
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
