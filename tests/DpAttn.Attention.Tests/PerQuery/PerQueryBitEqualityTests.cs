namespace DpAttn.Attention.Tests;

/// <summary>The same rows give the same integers, however they are ordered, cut, spread over shards or asked. Widths are in <see cref="BitEqualityTests"/>.</summary>
public class PerQueryBitEqualityTests
{
    private const int Rows = 2100;

    private static readonly StoreSchema Schema = new(
        Region.Ball(6, 1), Region.Ball([0.2, 0, -0.1, 0, 0.3, 0], 0.8), ValueBound.Ball(11, 1), 3, Adjacency.AddRemove, Rows);

    private static readonly PerQueryPlan Plan = PerQueryRequests.Plan(Schema, PerQueryRequests.Queries(Schema, 7));
    private static readonly RowSet AllRows = TestRows.Rows(Schema, Rows, 7);
    private static readonly long[] Whole = PerQueryRequests.Sums(Plan, AllRows);

    [Fact]
    public void Sums_are_bit_equal_in_any_order()
    {
        var (keys, values) = TestRows.Make(Schema, Rows, 7);
        var order = Enumerable.Range(0, Rows).ToArray();
        var random = new Random(1);
        for (var round = 0; round < 3; round++)
        {
            random.Shuffle(order);
            var (shuffledKeys, shuffledValues) = (new Matrix<double>(Rows, 6), new Matrix<double>(Rows, 11));
            for (var i = 0; i < Rows; i++)
            {
                keys.Row(order[i]).CopyTo(shuffledKeys.Row(i));
                values.Row(order[i]).CopyTo(shuffledValues.Row(i));
            }
            Assert.Equal(Whole, PerQueryRequests.Sums(Plan, RowSet.Create(shuffledKeys, shuffledValues)));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(1024)]
    [InlineData(Rows)]
    public void Sums_are_bit_equal_for_any_block_size(int block)
    {
        var parts = Enumerable.Range(0, (Rows + block - 1) / block).Select(i => AllRows.Slice(i * block, Math.Min(block, Rows - i * block)));
        Assert.Equal(Whole, PerQueryRequests.Sums(Plan, [.. parts]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(16)]
    public void Sums_are_bit_equal_for_any_sharding_and_any_order_of_arrival(int shards)
    {
        var total = new long[Plan.Dimension];
        var partial = new long[shards][];
        Parallel.For(0, shards, shard =>
        {
            int start = Rows * shard / shards, end = Rows * (shard + 1) / shards;
            var sums = new long[Plan.Dimension];
            PerQuerySums.AddTo(sums, Plan.Queries, PerQueryRows.Prepare(PerQueryParameters.Create(Schema), AllRows.Slice(start, end - start), clip: false));
            partial[shard] = sums;
        });
        foreach (var shard in Enumerable.Range(0, shards).OrderBy(shard => shard * 7 % 16))
            total = PerQueryRequests.Add(partial[shard], total);
        Assert.Equal(Whole, total);
    }

    [Fact]
    public void A_querys_sums_do_not_depend_on_the_queries_asked_beside_it()
    {
        var queries = PerQueryRequests.Queries(Schema, 13, seed: 9);
        var single = Enumerable.Range(0, queries.Rows).Select(l => PerQueryRequests.Sums(PerQueryRequests.Plan(Schema, PerQueryRequests.OneQuery([.. queries.Row(l)])), AllRows)).ToArray();
        for (var m = 1; m <= queries.Rows; m++)
        {
            var batch = PerQueryRequests.Sums(PerQueryRequests.Plan(Schema, new Matrix<double>(m, 6, queries.Data[..(6 * m)])), AllRows);
            Assert.Equal(single.Take(m).SelectMany(sums => sums), batch);
        }
    }

    [Fact]
    public void The_fast_sums_are_the_plain_sums_of_each_rows_integers()
    {
        var (_, values) = TestRows.Make(Schema, Rows, 7);
        var rows = PerQueryRows.Prepare(Plan.Parameters, AllRows, clip: false);
        var plain = new long[Plan.Dimension];
        for (var slot = 0; slot < Rows; slot++)
        {
            var weights = PerQuerySums.WeightsOf(Plan.Exponents, rows, slot);
            for (var l = 0; l < weights.Length; l++)
            {
                plain[l * 12] += weights[l] * Plan.Parameters.GammaSteps;
                for (var j = 0; j < 11; j++)
                    plain[l * 12 + 1 + j] += weights[l] * (long)Math.Round(Math.ScaleB(values[slot, j], Plan.Parameters.ValueExponent));
            }
        }
        Assert.Equal(plain, Whole);
    }

    /// <summary>The largest weights and values that a schema allows, in every row of many whole chunks: products in doubles must still be the exact integers.</summary>
    [Theory]
    [InlineData(1, 30000)]
    [InlineData(3, 30000)]
    [InlineData(200, 700)]
    public void Chunks_of_the_largest_weights_and_values_are_summed_exactly(int dv, int count)
    {
        var schema = new StoreSchema(Region.Ball(1, 1.999), Region.Ball(1, 1), ValueBound.Box(dv, 1.999), 2, Adjacency.ReplaceOne, count);
        var queries = new Matrix<double>(5, 1, [1, 0.999, 0.998, 0.997, 0]);
        var plan = PerQueryRequests.Plan(schema, queries);
        var (keys, values) = (new Matrix<double>(count, 1), new Matrix<double>(count, dv));
        keys.Data.AsSpan().Fill(1.999);
        values.Data.AsSpan().Fill(1.999);
        values[count / 2, 0] = -1.999;
        var sums = PerQueryRequests.Sums(plan, RowSet.Create(keys, values));
        long weight = 1L << plan.Parameters.KernelExponent, value = (long)Math.Round(Math.ScaleB(1.999, plan.Parameters.ValueExponent));
        for (var l = 0; l < 5; l++)
        {
            // A query 0 weighs everything fully; so does, to within a step, the rim. Only exact integers are multiples of the row's own.
            var w = sums[l * plan.Parameters.Columns] / plan.Parameters.GammaSteps / count;
            Assert.InRange(w, weight * 0.9999, weight);
            Assert.Equal(count * w * plan.Parameters.GammaSteps, sums[l * plan.Parameters.Columns]);
            Assert.Equal((count - 2) * w * value, sums[l * plan.Parameters.Columns + 1]);
            Assert.Equal(dv > 1 ? count * w * value : (count - 2) * w * value, sums[l * plan.Parameters.Columns + dv]);
        }
        Assert.Equal(weight, sums[4 * plan.Parameters.Columns] / plan.Parameters.GammaSteps / count);
    }

    [Fact]
    public void Float32_rows_have_the_integers_of_the_same_numbers_in_float64()
    {
        var (keys, values) = TestRows.Make(Schema, 600, 8);
        var single = RowSet.Create(
            new Matrix<float>(600, 6, Array.ConvertAll(keys.Data, x => (float)x)), new Matrix<float>(600, 11, Array.ConvertAll(values.Data, x => (float)x)));
        var widened = RowSet.Create(
            new Matrix<double>(600, 6, Array.ConvertAll(keys.Data, x => (double)(float)x)), new Matrix<double>(600, 11, Array.ConvertAll(values.Data, x => (double)(float)x)));
        Assert.Equal(PerQueryRequests.Sums(Plan, single), PerQueryRequests.Sums(Plan, widened));
    }

    [Fact]
    public void Null_slots_add_nothing_and_take_the_same_room()
    {
        var isNull = Enumerable.Range(0, Rows).Select(slot => slot % 3 == 0).ToArray();
        var (keys, values) = TestRows.Make(Schema, Rows, 7);
        var kept = Enumerable.Range(0, Rows).Where(slot => !isNull[slot]).ToArray();
        var (keptKeys, keptValues) = (new Matrix<double>(kept.Length, 6), new Matrix<double>(kept.Length, 11));
        for (var i = 0; i < kept.Length; i++)
        {
            keys.Row(kept[i]).CopyTo(keptKeys.Row(i));
            values.Row(kept[i]).CopyTo(keptValues.Row(i));
        }
        var withNulls = PerQueryRows.Prepare(Plan.Parameters, RowSet.Create(keys, values, isNull), clip: false);
        var full = PerQueryRows.Prepare(Plan.Parameters, AllRows, clip: false);
        var sums = new long[Plan.Dimension];
        PerQuerySums.AddTo(sums, Plan, withNulls);
        Assert.Equal(PerQueryRequests.Sums(Plan, RowSet.Create(keptKeys, keptValues)), sums);
        Assert.Equal((full.Bytes, full.Slots), (withNulls.Bytes, withNulls.Slots));
        Assert.InRange(full.Bytes, Rows * 18L * 4, (Rows + 32) * 18L * 4);
    }

    [Fact]
    public void What_a_null_slot_holds_does_not_matter()
    {
        var schema = TestRows.BallSchema(2, 1, 2, adjacency: Adjacency.AddRemove);
        var plan = PerQueryRequests.Plan(schema, PerQueryRequests.OneQuery(0.5, 0.5));
        var sums = PerQueryRequests.Sums(plan, RowSet.Create(new Matrix<double>(2, 2, [1, 0, 77, double.NegativeInfinity]), new Matrix<double>(2, 1, [1, double.NaN]), [false, true]));
        Assert.Equal(PerQueryRequests.Sums(plan, TestRows.OneRow([1, 0], [1])), sums);
    }

    [Fact]
    public void Sums_of_another_schema_or_length_are_refused()
    {
        var other = PerQueryParameters.Create(new StoreSchema(Schema.Keys, Schema.Queries, Schema.Values, 2, Schema.Adjacency, Rows));
        Refused("prepared under another schema", () => PerQuerySums.AddTo(new long[Plan.Dimension], Plan, PerQueryRows.Prepare(other, AllRows, clip: false)));
        var rows = PerQueryRows.Prepare(PerQueryParameters.Create(Schema), AllRows, clip: false);
        Refused("83 sums for 7 queries of 12 columns", () => PerQuerySums.AddTo(new long[83], Plan, rows));
        Refused("query 1: it lies outside the l2 ball", () => PerQuerySums.AddTo(new long[24], new Matrix<double>(2, 6, [.. new double[6], 9, .. new double[5]]), rows));
        using var stopped = new CancellationTokenSource();
        stopped.Cancel();
        Assert.Throws<OperationCanceledException>(() => PerQuerySums.AddTo(new long[Plan.Dimension], Plan, rows, stopped.Token));
        Assert.Throws<OperationCanceledException>(() => PerQueryRows.Prepare(Plan.Parameters, AllRows, clip: false, stopped.Token));
    }

    [Fact]
    public void Rows_that_break_the_bounds_are_refused_or_clipped()
    {
        var rows = RowSet.Create(new Matrix<double>(2, 6, [1, .. new double[10], 5]), new Matrix<double>(2, 11));
        Refused("key of row 1: it lies outside the l2 ball", () => PerQueryRows.Prepare(Plan.Parameters, rows, clip: false));
        var clipped = RowSet.Create(new Matrix<double>(2, 6, [1, .. new double[10], 1]), new Matrix<double>(2, 11));
        var sums = new long[Plan.Dimension];
        PerQuerySums.AddTo(sums, Plan, PerQueryRows.Prepare(Plan.Parameters, rows, clip: true));
        Assert.Equal(PerQueryRequests.Sums(Plan, clipped), sums);
        Refused("exceed the store's capacity of 2100", () => PerQueryRows.Prepare(Plan.Parameters, TestRows.Rows(Schema, Rows + 1, 1), clip: false));
        Refused("rows have keys of 1", () => PerQueryRows.Prepare(Plan.Parameters, TestRows.OneRow([1], [1]), clip: false));
        var replaceOne = PerQueryParameters.Create(TestRows.BallSchema(2, 1, 2));
        Refused("null slots exist only under add-remove", () => PerQueryRows.Prepare(replaceOne, RowSet.Create(new Matrix<double>(1, 2), new Matrix<double>(1, 1), [true]), clip: false));
    }

    private static void Refused(string message, Action act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);
}
