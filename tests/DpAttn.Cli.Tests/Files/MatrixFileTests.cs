using System.Text;
using CsCheck;
using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Cli.Files;

namespace DpAttn.Cli.Tests.Files;

/// <summary>.npy pairs and .npz archives.</summary>
public sealed class MatrixFileTests : IDisposable
{
    private readonly Scratch _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Every_order_type_and_block_size_gives_the_rows_that_were_written() =>
        Gen.Select(Gen.Int[1, 60], Gen.Int[1, 9], Gen.Int[1, 9], Gen.Bool, Gen.Bool, Gen.Bool, Gen.Int[1, 70]).Sample((n, d, dv, isDouble, fortran, isNpz, block) =>
        {
            var keys = Enumerable.Range(0, n * d).Select(i => i + 0.25f).ToArray();
            var values = Enumerable.Range(0, n * dv).Select(i => -(float)i).ToArray();
            var source = isNpz ? WriteNpz(n, keys, values, compress: fortran) : WritePair(n, keys, values, isDouble, fortran);
            var rows = ReadRows.AllAsync(source, block).GetAwaiter().GetResult();
            return rows.Length == n && rows.Index().All(row =>
                row.Item.AsSpan(0, d).SequenceEqual(keys.AsSpan(row.Index * d, d)) && row.Item.AsSpan(d).SequenceEqual(values.AsSpan(row.Index * dv, dv)));
        }, iter: 200, threads: 1);

    [Fact]
    public async Task Big_endian_numbers_and_vectors_are_read()
    {
        var keys = _files.Write("k.npy", Header("{'descr': '>f8', 'fortran_order': False, 'shape': (2,), }", [0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0]));
        var values = _files.Write("v.npy", Header("{'descr': '>f4', 'fortran_order': False, 'shape': (2, 1), }", [0x40, 0x40, 0, 0, 0x40, 0x80, 0, 0]));
        Assert.Equal([[1, 3], [-2, 4]], await ReadRows.AllAsync(ReadRows.Npy(keys, values)));
    }

    [Fact]
    public async Task Float64_is_rounded_to_the_nearest_float32()
    {
        var (keys, values) = (_files["k.npy"], _files["v.npy"]);
        Npy.Write(keys, new FloatMatrix(new Matrix<double>(1, 1, [0.1])));
        Npy.Write(values, new FloatMatrix(new Matrix<double>(1, 1, [1.0 / 3])));
        Assert.Equal([[0.1f, 1f / 3]], await ReadRows.AllAsync(ReadRows.Npy(keys, values)));
    }

    [Fact]
    public async Task A_long_file_is_read_in_a_small_memory()
    {
        const int Rows = 200_000, Columns = 64;
        foreach (var (name, columns) in new[] { ("k.npy", Columns), ("v.npy", 1) })
        {
            using var stream = File.Create(_files[name]);
            stream.Write(Header($"{{'descr': '<f4', 'fortran_order': False, 'shape': ({Rows}, {columns}), }}", []));
            stream.SetLength(stream.Position + (long)Rows * columns * 4);
        }
        using var file = await RowFiles.OpenAsync(ReadRows.Npy(_files["k.npy"], _files["v.npy"]), RowFileLimits.Default, CancellationToken.None);
        var block = RowBlock.For(file);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var rows = 0;
        do
        {
            await file.ReadAsync(block, CancellationToken.None); // synchronous for files of matrices
            rows += block.Count;
        }
        while (block.Count > 0);
        Assert.Equal(Rows, rows);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.InRange(block.Capacity * (Columns + 1) * 4, 1, 2 << 20);
    }

    [Fact]
    public async Task Different_numbers_of_rows_are_refused_before_any_is_read() =>
        Assert.Equal("k.npy and v.npy: 3 keys but 2 values: every row needs both", await ReadRows.FaultAsync(WritePair(3, new float[3], 2, new float[2])));

    [Fact]
    public async Task No_rows_are_refused() =>
        Assert.Equal("k.npy and v.npy: there are no rows", await ReadRows.FaultAsync(WritePair(0, [], 0, [], columns: 2)));

    [Fact]
    public async Task No_columns_are_refused() =>
        Assert.Equal("k.npy: keys have 0 columns; 1 to 65536 are allowed", await ReadRows.FaultAsync(WritePair(2, [], 2, new float[2], columns: 0)));

    [Fact]
    public async Task Too_many_columns_are_refused() =>
        Assert.Equal("k.npy: keys have 9 columns; 1 to 8 are allowed", await ReadRows.FaultAsync(WritePair(1, new float[9], 1, new float[1]), new RowFileLimits { Dimension = 8 }));

    [Theory]
    [InlineData("{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1), }", "k.npy: dtype int32 where float32 or float64 is needed")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }", "k.npy: the header announces 1 x 3 float32 (12 bytes), but only 4 bytes follow")]
    [InlineData("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", "k.npy: the header announces 2 x 2 float32 (16 bytes), but only 4 bytes follow")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1), }", "k.npy: the array has rank 3; a vector (rank 1) or a matrix (rank 2) is needed")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 1), }", "k.npy: header, character 51: a dimension is missing or negative")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }", "k.npy: more bytes follow the array than its header announces", 8)]
    public async Task A_header_that_lies_is_refused(string header, string message, int bytes = 4)
    {
        var keys = _files.Write("k.npy", Header(header, new byte[bytes]));
        var values = _files.Write("v.npy", Header("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }", new byte[4]));
        Assert.Equal(message, await ReadRows.FaultAsync(ReadRows.Npy(keys, values)));
    }

    [Fact]
    public async Task Fortran_order_beyond_the_cap_is_refused_with_the_bound()
    {
        var fault = await ReadRows.FaultAsync(WritePair(4, new float[8], 4, new float[4], fortran: true), new RowFileLimits { WholeArrayBytes = 16 });
        Assert.Contains("32 bytes", fault);
        Assert.Contains("16 bytes are allowed", fault);
    }

    [Fact]
    public async Task A_missing_file_is_named()
    {
        var failure = await Assert.ThrowsAsync<FileNotFoundException>(() => ReadRows.AllAsync(ReadRows.Npy(_files["none.npy"], _files["v.npy"])));
        Assert.Contains("none.npy", failure.Message);
    }

    [Fact]
    public async Task A_file_that_is_no_npy_is_refused()
    {
        var path = _files.Write("k.npy", "hello, this is text");
        Assert.StartsWith("k.npy: this is not a .npy file", await ReadRows.FaultAsync(ReadRows.Npy(path, path)));
    }

    [Fact]
    public async Task Members_of_an_archive_are_found_by_name()
    {
        var source = WriteNpz(2, [1, 2], [3, 4], "a", "b");
        Assert.Contains("there is no member 'keys'; there are 2 others", await ReadRows.FaultAsync(source));
        Assert.Equal([[1, 3], [2, 4]], await ReadRows.AllAsync(source with { KeysName = "a", ValuesName = "b" }));
        Assert.Equal([[1, 3], [2, 4]], await ReadRows.AllAsync(source with { KeysName = "a.npy", ValuesName = "b.npy" }));
    }

    [Fact]
    public async Task A_member_twice_and_too_many_members_are_refused()
    {
        using (var stream = File.Create(_files["twice.npz"]))
        {
            var one = new FloatMatrix(new Matrix<float>(1, 1));
            Npz.Write(stream, [new("keys", one), new("keys", one), new("values", one)]);
        }
        Assert.Equal("twice.npz: member 'keys' stands twice", await ReadRows.FaultAsync(ReadRows.Of(_files["twice.npz"])));
        Assert.Equal("twice.npz: the archive has 3 members; at most 2 are allowed", await ReadRows.FaultAsync(ReadRows.Of(_files["twice.npz"]), new RowFileLimits { Members = 2 }));
    }

    [Fact]
    public async Task An_archive_that_is_cut_or_damaged_anywhere_is_refused_and_never_gives_other_rows()
    {
        var source = WriteNpz(50, [.. Enumerable.Range(0, 100).Select(i => i * 0.37f)], new float[50], compress: true);
        var whole = File.ReadAllBytes(source.Path);
        var expected = await ReadRows.AllAsync(source);
        for (var cut = 0; cut < whole.Length; cut += 3)
        {
            File.WriteAllBytes(source.Path, whole[..cut]);
            Assert.StartsWith("rows.npz", await ReadRows.FaultAsync(source));
        }
        for (var at = 0; at < whole.Length; at += 3)
        {
            var damaged = whole.ToArray();
            damaged[at] ^= 0x55;
            File.WriteAllBytes(source.Path, damaged);
            try
            {
                // Damage that matters is in the data, whose check sum .NET does not verify; what must never happen is another failure than ours.
                var rows = await ReadRows.AllAsync(source);
                Assert.Equal(expected.Length, rows.Length);
            }
            catch (Exception e)
            {
                Assert.True(e is RowFileException or NpyFormatException, $"byte {at}: {e}");
            }
        }
    }

    private RowFileSource WritePair(int rows, float[] keys, float[] values, bool isDouble = false, bool fortran = false) => WritePair(rows, keys, rows, values, isDouble, fortran);

    private RowFileSource WritePair(int keyRows, float[] keys, int valueRows, float[] values, bool isDouble = false, bool fortran = false, int? columns = null)
    {
        Write("k.npy", keyRows, keys, isDouble, fortran, columns);
        Write("v.npy", valueRows, values, isDouble, fortran, valueRows == 0 ? 1 : null);
        return ReadRows.Npy(_files["k.npy"], _files["v.npy"]);
    }

    private void Write(string name, int rows, float[] data, bool isDouble, bool fortran, int? columns)
    {
        using var stream = File.Create(_files[name]);
        var width = columns ?? data.Length / rows;
        if (isDouble)
            Npy.Write(stream, new Matrix<double>(rows, width, Array.ConvertAll(data, x => (double)x)), fortran);
        else
            Npy.Write(stream, new Matrix<float>(rows, width, data), fortran);
    }

    private RowFileSource WriteNpz(int rows, float[] keys, float[] values, string keysName = "keys", string valuesName = "values", bool compress = false)
    {
        using var stream = File.Create(_files["rows.npz"]);
        Npz.Write(stream,
        [
            new(keysName, new FloatMatrix(new Matrix<float>(rows, keys.Length / rows, keys))),
            new(valuesName, new FloatMatrix(new Matrix<float>(rows, values.Length / rows, values))),
        ], compress);
        return ReadRows.Of(_files["rows.npz"]);
    }

    private static byte[] Header(string text, byte[] data)
    {
        var padded = text.PadRight(117) + "\n";
        return [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0, (byte)padded.Length, 0, .. Encoding.ASCII.GetBytes(padded), .. data];
    }
}
