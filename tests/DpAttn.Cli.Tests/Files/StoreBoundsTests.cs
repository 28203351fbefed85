using CsCheck;
using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Cli.Files;
using DpAttn.Contracts;

namespace DpAttn.Cli.Tests.Files;

public sealed class StoreBoundsTests : IDisposable
{
    private readonly Scratch _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task A_row_out_of_bounds_is_named_by_its_number_and_the_bound()
    {
        var reading = Reading(Box(-1, 1), new ValueBoundStatement(Radius: 1), clip: false, [0.5f, 0.25f, 0.777f, 1.5f], [0, 0]);
        var fault = await Assert.ThrowsAsync<RowFileException>(() => reading.CheckAsync(1024, 10, null, CancellationToken.None));
        Assert.Equal("k.npy and v.npy: key of row 1: coordinate 1 lies outside [-1, 1]; --clip moves it to the nearest point inside", fault.Message);
        Assert.DoesNotContain("777", fault.Message);
    }

    [Fact]
    public async Task Values_out_of_bounds_are_named_too()
    {
        var ball = await Assert.ThrowsAsync<RowFileException>(() => Reading(Ball(1), new ValueBoundStatement(Radius: 1), false, [0, 0], [2]).CheckAsync(1024, 10, null, CancellationToken.None));
        Assert.StartsWith("k.npy and v.npy: value of row 0: it lies outside the l2 ball of radius 1; --clip", ball.Message);
        var entry = await Assert.ThrowsAsync<RowFileException>(() => Reading(Ball(1), new ValueBoundStatement(Entry: 1), false, [0, 0], [2]).CheckAsync(1024, 10, null, CancellationToken.None));
        Assert.StartsWith("k.npy and v.npy: value of row 0: coordinate 0 lies outside [-1, 1]; --clip", entry.Message);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public async Task Numbers_that_are_not_finite_are_refused_even_when_clipping(float wrong)
    {
        var fault = await Assert.ThrowsAsync<RowFileException>(() => Reading(Ball(1), new ValueBoundStatement(Radius: 1), true, [0, wrong], [0]).CheckAsync(1024, 10, null, CancellationToken.None));
        Assert.Equal("k.npy and v.npy: key of row 0: coordinate 1 is NaN, infinite, or too large for float32", fault.Message);
    }

    // What the client clips must pass the server's own check, for balls around any centre and boxes of any corner, as float32.
    [Fact]
    public void Clipped_rows_lie_inside_and_those_inside_are_not_touched() =>
        Gen.Select(Gen.Bool, Gen.Double[-3, 3], Gen.Double[1e-3, 5], Gen.Float[-8, 8].Array[2]).Sample((isBall, centre, size, key) =>
        {
            var bound = isBall ? new RegionBound(Ball: new BallBound(size, [centre, -centre])) : Box(centre, centre + size);
            var limit = size * (1 + Region.BallTolerance);
            bool IsInside(float[] k) => isBall
                ? (k[0] - centre) * (k[0] - centre) + (k[1] + centre) * (k[1] + centre) <= limit * limit
                : k.All(x => x >= centre && x <= centre + size);
            var reading = Reading(bound, new ValueBoundStatement(Entry: 1000), clip: true, key, new float[1]);
            var row = reading.ReadAsync(1).Select(r => r.Key.ToArray()).FirstAsync().AsTask().GetAwaiter().GetResult();
            return IsInside(row) && (!IsInside(key) || row.SequenceEqual(key));
        }, iter: 500, threads: 1);

    [Fact]
    public async Task Dimensions_that_are_not_the_stores_are_refused()
    {
        var reading = Reading(Ball(1), new ValueBoundStatement(Radius: 1), false, [0, 0, 0], [0], keyDimension: 3);
        var fault = await Assert.ThrowsAsync<RowFileException>(() => reading.CheckAsync(1024, 10, null, CancellationToken.None));
        Assert.Equal("k.npy and v.npy: keys have 3 and values 1 columns; store 'packages' has 2 and 1", fault.Message);
    }

    [Fact]
    public async Task The_digest_is_that_of_the_rows_and_the_store_whatever_the_format()
    {
        var first = await DigestAsync(Reading(Ball(9), new ValueBoundStatement(Radius: 9), false, [1, 2, 3, 4], [5, 6]));
        Assert.Equal(first, await DigestAsync(Reading(Ball(9), new ValueBoundStatement(Radius: 9), false, [1, 2, 3, 4], [5, 6])));
        var csv = ReadRows.Csv(_files.Write("rows.csv", "a,b,c\n1,2,5\n3,4,6\n"), "a,b", "c");
        Assert.Equal(first, await DigestAsync(new RowReading(csv, RowFileLimits.Default, Store(Ball(9), new ValueBoundStatement(Radius: 9)), false)));

        var others = new[]
        {
            await DigestAsync(Reading(Ball(9), new ValueBoundStatement(Radius: 9), false, [1, 2, 3, 4], [5, 7])),
            await DigestAsync(Reading(Ball(9), new ValueBoundStatement(Radius: 9), false, [1, 2, 3, 4], [5, 6]), batchRows: 11),
            await DigestAsync(new RowReading(csv, RowFileLimits.Default, Store(Ball(9), new ValueBoundStatement(Radius: 9)) with { Incarnation = "inc2" }, false)),
        };
        Assert.Equal(4, others.Append(first).Distinct().Count());
        Assert.Matches("^[0-9a-f]{32}$", first);
    }

    [Fact]
    public async Task Moved_rows_are_counted()
    {
        var summary = await Reading(Ball(1), new ValueBoundStatement(Radius: 1), true, [5, 0, 0.5f, 0, 0, 7], [0, 0, 3]).CheckAsync(1024, 10, null, CancellationToken.None);
        Assert.Equal((3, 2), (summary.Rows, summary.Moved));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_file_that_changed_between_the_check_and_the_upload_is_noticed(int expected)
    {
        var reading = Reading(Ball(1), new ValueBoundStatement(Radius: 1), false, [0, 0, 0, 0], [0, 0]);
        var fault = await Assert.ThrowsAsync<RowFileException>(async () => await reading.ReadAsync(expected).ToListAsync());
        Assert.Equal($"k.npy and v.npy: the file has changed while it was loaded: it had {expected} rows", fault.Message);
    }

    private static async Task<string> DigestAsync(RowReading reading, int batchRows = 10) => (await reading.CheckAsync(1024, batchRows, null, CancellationToken.None)).Digest;

    private RowReading Reading(RegionBound keyBound, ValueBoundStatement valueBound, bool clip, float[] keys, float[] values, int keyDimension = 2)
    {
        Npy.Write(_files["k.npy"], new FloatMatrix(new Matrix<float>(keys.Length / keyDimension, keyDimension, keys)));
        Npy.Write(_files["v.npy"], new FloatMatrix(new Matrix<float>(values.Length, 1, values)));
        return new RowReading(ReadRows.Npy(_files["k.npy"], _files["v.npy"]), RowFileLimits.Default, Store(keyBound, valueBound), clip);
    }

    private static RegionBound Ball(double radius) => new(Ball: new BallBound(radius));

    private static RegionBound Box(double low, double high) => new(Box: new BoxBound([low], [high]));

    private static StoreDescription Store(RegionBound keys, ValueBoundStatement values) => Samples.Store with { Definition = Samples.Store.Definition with { Keys = keys, Values = values } };
}
