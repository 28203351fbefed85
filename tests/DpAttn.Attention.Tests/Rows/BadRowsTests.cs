namespace DpAttn.Attention.Tests;

/// <summary>Every bad row is refused with its number and the bound, without its numbers, and changes nothing.</summary>
public class BadRowsTests
{
    private const int Rows = 1300;
    private const int Bad = 777;

    private static readonly StoreSchema BallSchema = TestRows.BallSchema(3, 2, Rows);
    private static readonly StoreSchema BoxSchema = new(Region.Box(3, 0, 1), Region.Box(3, 0, 1), ValueBound.Box(2, 0.5), 0.3, Adjacency.ReplaceOne, Rows);

    /// <summary>Where, what number, and the message.</summary>
    public static TheoryData<bool, bool, double, string> Faults => new()
    {
        { false, true, double.NaN, "key of row 777: coordinate 1 is NaN or infinite" },
        { false, true, double.PositiveInfinity, "key of row 777: coordinate 1 is NaN or infinite" },
        { false, false, double.NegativeInfinity, "value of row 777: coordinate 1 is NaN or infinite" },
        { false, true, 123.456, "key of row 777: it lies outside the l2 ball of radius 1 around its centre" },
        { false, false, 123.456, "value of row 777: it lies outside the l2 ball of radius 1" },
        { true, true, 1.0000001, "key of row 777: coordinate 1 lies outside [0, 1]" },
        { true, true, -123.456, "key of row 777: coordinate 1 lies outside [0, 1]" },
        { true, false, 123.456, "value of row 777: coordinate 1 lies outside [-0.5, 0.5]" },
        { true, false, double.NaN, "value of row 777: coordinate 1 is NaN or infinite" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_bad_row_is_named_with_its_bound_and_changes_nothing(bool box, bool inKey, double number, string message)
    {
        var schema = box ? BoxSchema : BallSchema;
        var parameters = MomentParameters.Create(schema, 2);
        var (keys, values) = TestRows.Make(schema, Rows, 3);
        if (box)
            Array.Clear(values.Data);
        var good = RowSet.Create(new Matrix<double>(Rows, 3, [.. keys.Data]), new Matrix<double>(Rows, 2, [.. values.Data]));
        var total = MomentMatrix.Empty(parameters);
        total.Add(MomentAccumulator.Sum(parameters, good.Slice(0, 500)));
        var before = (long[])total.Sums.Clone();

        (inKey ? keys : values)[Bad, 1] = number;
        double[] keysBefore = [.. keys.Data], valuesBefore = [.. values.Data];
        var bad = RowSet.Create(keys, values);
        for (var threads = 1; threads <= 3; threads++)
        {
            var error = Assert.Throws<RowRejectedException>(() => total.Add(MomentAccumulator.Sum(parameters, bad, threads: threads)));
            Assert.Equal(message, error.Message);
            Assert.Equal(Bad, error.Row);
            Assert.DoesNotContain("123", error.Message);
        }
        Assert.Equal(before, total.Sums);
        Assert.Equal(500, total.Slots);
        Assert.Equal(keysBefore, keys.Data);
        Assert.Equal(valuesBefore, values.Data);

        // An accumulator that met a bad row gives the next rows their own integers.
        var accumulator = new MomentAccumulator(parameters, clip: false);
        Assert.Throws<RowRejectedException>(() => accumulator.RowIntegers(bad, Bad));
        Assert.Equal(new MomentAccumulator(parameters, clip: false).RowIntegers(good, 5), accumulator.RowIntegers(good, 5), Equal);
    }

    /// <summary>Clipping works on the buffer that is summed, is opt-in, and does not touch the caller's rows.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void With_clipping_a_row_outside_counts_as_the_nearest_point_inside(bool box)
    {
        var schema = box ? BoxSchema : BallSchema;
        var parameters = MomentParameters.Create(schema, 2);
        double[] key = [3, -4, 0.25], value = [30, 40];
        var row = TestRows.OneRow([.. key], [.. value]);
        Assert.Throws<RowRejectedException>(() => MomentAccumulator.Sum(parameters, row));
        var norm = Math.Sqrt(key.Sum(x => x * x));
        var inside = box ? TestRows.OneRow([1, 0, 0.25], [0.5, 0.5]) : TestRows.OneRow([.. key.Select(x => x / norm)], [0.6, 0.8]);
        var clipped = MomentAccumulator.Sum(parameters, row, clip: true).Sums;
        var expected = MomentAccumulator.Sum(parameters, inside).Sums;
        for (var i = 0; i < expected.Length; i++)
            Assert.InRange(clipped[i] - expected[i], -Math.Abs(expected[i]) * 1e-4 - 40_000, Math.Abs(expected[i]) * 1e-4 + 40_000);
        // Rows inside are left as they are.
        var rows = TestRows.Rows(BallSchema, 40, 5);
        var unclipped = MomentParameters.Create(BallSchema, 2);
        Assert.Equal(MomentAccumulator.Sum(unclipped, rows).Sums, MomentAccumulator.Sum(unclipped, rows, clip: true).Sums);
    }

    [Fact]
    public void The_lowest_bad_row_is_named_whichever_thread_finds_its_fault_first()
    {
        var parameters = MomentParameters.Create(TestRows.BallSchema(3, 2, 40 * 512), 2);
        var (keys, values) = TestRows.Make(parameters.Schema, 40 * 512, 3);
        // The first part's fault stands at its end, every later part's at its beginning.
        for (var block = 5; block < 40; block++)
            keys[block * 512, 0] = 9;
        keys[5 * 512 - 1, 0] = 9;
        for (var round = 0; round < 20; round++)
            Assert.Equal(5 * 512 - 1, Assert.Throws<RowRejectedException>(() => MomentAccumulator.Sum(parameters, RowSet.Create(keys, values), threads: 8)).Row);
    }

    [Fact]
    public void Minus_zero_has_the_integers_of_zero_and_subnormals_are_accepted()
    {
        foreach (var schema in new[]
        {
            BallSchema, BoxSchema,
            new StoreSchema(Region.Ball([0.5, 0, -1], 2), Region.Ball([0.1, -0.3, 0], 0.5), ValueBound.Ball(2, 3), 0.4, Adjacency.ReplaceOne, 10),
        })
        {
            var parameters = MomentParameters.Create(schema, 3);
            var accumulator = new MomentAccumulator(parameters, clip: false);
            var zero = accumulator.RowIntegers(TestRows.OneRow([0, 0, 0], [0, 0]), 0);
            Assert.Equal(zero, accumulator.RowIntegers(TestRows.OneRow([-0.0, 0, -0.0], [0, -0.0]), 0), Equal);
            if (!schema.Keys.IsBox)
                Assert.Equal(zero, accumulator.RowIntegers(TestRows.OneRow([double.Epsilon, -double.Epsilon, 1e-310], [-double.Epsilon, 2e-308]), 0), Equal);
            var sums = MomentAccumulator.Sum(parameters, TestRows.OneRow([-0.0, -0.0, -0.0], [-0.0, -0.0])).Sums;
            Assert.Equal(MomentAccumulator.Sum(parameters, TestRows.OneRow([0, 0, 0], [0, 0])).Sums, sums);
        }
        // As float32, where a subnormal is one to float and not to double.
        var single = RowSet.Create(new Matrix<float>(1, 3, [float.Epsilon, -0f, 0f]), new Matrix<float>(1, 2, [-float.Epsilon, -0f]));
        var p = MomentParameters.Create(BallSchema, 2);
        Assert.Equal(MomentAccumulator.Sum(p, TestRows.OneRow([0, 0, 0], [0, 0])).Sums, MomentAccumulator.Sum(p, single).Sums);
    }

    [Fact]
    public void Rows_of_the_wrong_shape_are_refused_with_both_shapes()
    {
        var parameters = MomentParameters.Create(BallSchema, 2);
        Refused("rows have keys of 4 and values of 2 dimensions; the schema states 3 and 2", () => MomentAccumulator.Sum(parameters, TestRows.OneRow(new double[4], new double[2])));
        Refused("rows have keys of 3 and values of 1 dimensions; the schema states 3 and 2", () => MomentAccumulator.Sum(parameters, TestRows.OneRow(new double[3], new double[1])));
        Refused("2 keys but 3 values: every row needs both", () => RowSet.Create(new Matrix<double>(2, 3), new Matrix<float>(3, 2)));
        Refused("keys have 0 and values 2 columns; both need at least 1", () => RowSet.Create(new Matrix<double>(2, 0), new Matrix<float>(2, 2)));
        Refused("keys have 1 and values 0 columns; both need at least 1", () => RowSet.Create(new Matrix<double>(2, 1), new Matrix<float>(2, 0)));
        Refused("a row set needs at least one slot", () => RowSet.Create(new Matrix<double>(0, 3), new Matrix<float>(0, 2)));
        Refused("keys must be float32 or float64, not Int32", () => RowSet.Create(new Matrix<int>(1, 3), new Matrix<float>(1, 2)));
        Refused("values must be float32 or float64, not Half", () => RowSet.Create(new Matrix<float>(1, 3), new Matrix<Half>(1, 2)));
        Refused("1 null marks for 2 slots", () => RowSet.Create(new Matrix<double>(2, 3), new Matrix<double>(2, 2), [true]));
        Refused("null slots exist only under add-remove", () => MomentAccumulator.Sum(parameters, RowSet.Create(new Matrix<double>(2, 3), new Matrix<double>(2, 2), [true, false])));
        Assert.Throws<ArgumentOutOfRangeException>(() => MomentAccumulator.Sum(parameters, TestRows.OneRow(new double[3], new double[2]), threads: 0));
        var rows = TestRows.Rows(BallSchema, 5, 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => rows.Slice(-1, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => rows.Slice(2, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => rows.Slice(3, 3));
        Refused("a matrix of 2 x 3 needs 6 elements, not 5", () => new Matrix<double>(2, 3, new double[5]));
        Refused("one array holds at most", () => new Matrix<byte>(int.MaxValue, int.MaxValue));
    }

    [Fact]
    public void More_rows_than_the_capacity_are_refused_at_once_and_over_several_parts()
    {
        var parameters = MomentParameters.Create(TestRows.BallSchema(3, 2, 10), 2);
        Refused("11 rows exceed the store's capacity of 10", () => MomentAccumulator.Sum(parameters, TestRows.Rows(parameters.Schema, 11, 1)));
        var total = MomentAccumulator.Sum(parameters, TestRows.Rows(parameters.Schema, 6, 1));
        var before = (long[])total.Sums.Clone();
        Refused("12 rows exceed the store's capacity of 10", () => total.Add(MomentAccumulator.Sum(parameters, TestRows.Rows(parameters.Schema, 6, 2))));
        Assert.Equal(before, total.Sums);
        Assert.Equal(6, total.Slots);
        var other = MomentParameters.Create(TestRows.BallSchema(3, 2, 10), 2);
        Refused("moment matrices of different parameters cannot be added", () => total.Add(MomentAccumulator.Sum(other, TestRows.Rows(parameters.Schema, 1, 2))));
    }

    /// <summary>No slots are no release; all slots null are one like any other.</summary>
    [Fact]
    public void A_release_needs_a_slot_and_not_a_row()
    {
        var schema = TestRows.BallSchema(3, 2, 4, adjacency: Adjacency.AddRemove);
        var parameters = MomentParameters.Create(schema, 2);
        var ladder = MomentRelease.Calibrate(parameters, [new(1)], TestRows.Delta);
        Refused("a release needs at least one slot", () => MomentRelease.Publish(MomentMatrix.Empty(parameters), ladder, new byte[32]));
        var (keys, values) = TestRows.Make(schema, 4, 1);
        var allNull = MomentAccumulator.Sum(parameters, RowSet.Create(keys, values, [true, true, true, true]));
        Assert.All(allNull.Sums, x => Assert.Equal(0, x));
        Assert.Equal(4, allNull.Slots);
        Assert.Equal(4, MomentRelease.Publish(allNull, ladder, new byte[32]).Tiers[0].Slots);
    }

    [Fact]
    public void Cancellation_stops_between_blocks_and_progress_counts_every_row()
    {
        var parameters = MomentParameters.Create(BallSchema, 2);
        var rows = TestRows.Rows(BallSchema, Rows, 1);
        foreach (var threads in new[] { 1, 3 })
        {
            using var stop = new CancellationTokenSource();
            stop.Cancel();
            Assert.ThrowsAny<OperationCanceledException>(() => MomentAccumulator.Sum(parameters, rows, threads: threads, cancellationToken: stop.Token));
            var progress = new Counter();
            MomentAccumulator.Sum(parameters, rows, threads: threads, progress: progress);
            Assert.Equal(Rows, progress.Total);
        }
    }

    private static bool Equal((long[] Features, long[] Values) a, (long[] Features, long[] Values) b) =>
        a.Features.SequenceEqual(b.Features) && a.Values.SequenceEqual(b.Values);

    private static void Refused(string message, Action act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);

    private sealed class Counter : IProgress<long>
    {
        private long _total;

        public long Total => _total;

        public void Report(long value) => Interlocked.Add(ref _total, value);
    }
}
