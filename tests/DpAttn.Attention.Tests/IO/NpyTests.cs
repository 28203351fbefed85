using CsCheck;
using DpAttn.Attention.IO;

namespace DpAttn.Attention.Tests;

public class NpyTests
{
    private static readonly Gen<(int Rows, int Columns, bool Fortran, int Seed)> Shapes = Gen.Select(Gen.Int[0, 70], Gen.Int[1, 70], Gen.Bool, Gen.Int);

    [Fact]
    public void What_is_written_is_read_back_bit_by_bit() => Shapes.Sample(s =>
    {
        var doubles = new Matrix<double>(s.Rows, s.Columns);
        var floats = new Matrix<float>(s.Rows, s.Columns);
        var random = new Random(s.Seed);
        random.NextBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(doubles.Data.AsSpan()));
        random.NextBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(floats.Data.AsSpan()));

        using var written = new MemoryStream();
        Npy.Write(written, doubles, s.Fortran);
        foreach (var stream in Streams(written.ToArray()))
        {
            var read = Npy.ReadMatrix(stream, "x");
            Assert.Null(read.Single);
            Assert.Equal((s.Rows, s.Columns), (read.Rows, read.Columns));
            Assert.Equal(doubles.Data.Select(BitConverter.DoubleToInt64Bits), read.Double!.Data.Select(BitConverter.DoubleToInt64Bits));
        }
        written.SetLength(0);
        Npy.Write(written, floats, s.Fortran);
        foreach (var stream in Streams(written.ToArray()))
        {
            var read = Npy.ReadMatrix(stream, "x");
            Assert.Null(read.Double);
            Assert.Equal(floats.Data.Select(BitConverter.SingleToInt32Bits), read.Single!.Data.Select(BitConverter.SingleToInt32Bits));
        }
    }, iter: 100);

    [Fact]
    public void Arrays_longer_than_one_piece_are_read_whole_from_a_stream_without_length()
    {
        var matrix = new Matrix<double>(3, 200_001);
        for (var i = 0; i < matrix.Data.Length; i++)
            matrix.Data[i] = i;
        using var written = new MemoryStream();
        Npy.Write(written, matrix, fortranOrder: true);
        Assert.Equal(matrix.Data, Npy.ReadMatrix(new OneWayStream(written.ToArray(), 8191), "x").Double!.Data);
    }

    [Fact]
    public void Written_data_starts_at_a_multiple_of_64_bytes()
    {
        using var written = new MemoryStream();
        Npy.Write(written, new Matrix<float>(3, 5));
        Assert.Equal(0, (written.Length - 3 * 5 * sizeof(float)) % 64);
        Assert.Equal((byte)'\n', written.ToArray()[^(3 * 5 * sizeof(float) + 1)]);
    }

    [Fact]
    public void A_file_under_its_real_name_is_always_whole()
    {
        var directory = Directory.CreateTempSubdirectory();
        try
        {
            var path = Path.Combine(directory.FullName, "a.npy");
            Npy.Write(path, new FloatMatrix(new Matrix<double>(1, 2, [1, 2])));
            Npy.Write(path, new FloatMatrix(new Matrix<float>(2, 1, [3, 4])));
            Assert.Equal([3f, 4f], Npy.ReadMatrix(path).Single!.Data);
            Assert.Equal([path], Directory.GetFiles(directory.FullName));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    /// <summary>Files as NumPy 1.24 wrote them: [[1.5, -2.25, 3e-5], [4, 5e10, -0.0]].</summary>
    [Theory]
    [InlineData("<f8", 1, false, "AAAAAAAA+D8AAAAAAAACwGkdVU0Qdf8+AAAAAAAAEEAAAADodkgnQgAAAAAAAACA")]
    [InlineData("<f8", 2, false, "AAAAAAAA+D8AAAAAAAACwGkdVU0Qdf8+AAAAAAAAEEAAAADodkgnQgAAAAAAAACA")]
    [InlineData("<f8", 3, false, "AAAAAAAA+D8AAAAAAAACwGkdVU0Qdf8+AAAAAAAAEEAAAADodkgnQgAAAAAAAACA")]
    [InlineData("<f8", 1, true, "AAAAAAAA+D8AAAAAAAAQQAAAAAAAAALAAAAA6HZIJ0JpHVVNEHX/PgAAAAAAAACA")]
    [InlineData(">f8", 1, false, "P/gAAAAAAADAAgAAAAAAAD7/dRBNVR1pQBAAAAAAAABCJ0h26AAAAIAAAAAAAAAA")]
    [InlineData("<f4", 1, false, "AADAPwAAEMCCqPs3AACAQLdDOlEAAACA")]
    [InlineData("<f4", 1, true, "AADAPwAAgEAAABDAt0M6UYKo+zcAAACA")]
    [InlineData(">f4", 1, true, "P8AAAECAAADAEAAAUTpDtzf7qIKAAAAA")]
    public void Files_that_numpy_wrote_are_read_and_written_as_numpy_does(string descr, int major, bool fortran, string data)
    {
        var bytes = NpyFiles.Make(descr, "(2, 3)", Convert.FromBase64String(data), fortran, major);
        Assert.Equal(0, (bytes.Length - Convert.FromBase64String(data).Length) % 64);
        double[] expected = [1.5, -2.25, 3e-5, 4, 5e10, -0.0];
        foreach (var stream in Streams(bytes))
        {
            var read = Npy.ReadMatrix(stream, "x");
            Assert.Equal((2, 3), (read.Rows, read.Columns));
            var single = descr[^1] == '4';
            Assert.Equal(single ? expected.Select(x => (double)(float)x) : expected, read.ToDouble().Data);
            Assert.True(double.IsNegative(read.ToDouble().Data[5]));
        }
        if (major == 1 && descr[0] == '<')
        {
            // And written as NumPy writes them, byte by byte.
            using var written = new MemoryStream();
            if (descr[^1] == '4')
                Npy.Write(written, Npy.ReadMatrix(new MemoryStream(bytes), "x").Single!, fortran);
            else
                Npy.Write(written, Npy.ReadMatrix(new MemoryStream(bytes), "x").Double!, fortran);
            Assert.Equal(bytes, written.ToArray());
        }
    }

    [Theory]
    [InlineData("<i8", "(3,)", "AwAAAAAAAAD//////////wcAAAAAAAAA", new[] { 3, -1, 7 })]
    [InlineData(">i4", "(3,)", "AAAAA/////8AAAAH", new[] { 3, -1, 7 })]
    [InlineData("|u1", "(3,)", "AwD/", new[] { 3, 0, 255 })]
    [InlineData("|i1", "(3,)", "AwD/", new[] { 3, 0, -1 })]
    [InlineData("|b1", "(2,)", "AQA=", new[] { 1, 0 })]
    [InlineData("<u2", "(2, 1)", "AQD//w==", new[] { 1, 65535 })]
    [InlineData(">i2", "(2,)", "AAH//w==", new[] { 1, -1 })]
    [InlineData("<u4", "(1,)", "////fw==", new[] { int.MaxValue })]
    [InlineData("<f4", "(2,)", "AABAQAAAgMA=", new[] { 3, -4 })]
    [InlineData("<f8", "(1,)", "AAAAAAAACEA=", new[] { 3 })]
    public void Labels_of_any_whole_type_are_read(string descr, string shape, string data, int[] expected) =>
        Assert.Equal(expected, Npy.ReadLabels(new MemoryStream(NpyFiles.Make(descr, shape, Convert.FromBase64String(data))), "x"));

    [Theory]
    [InlineData("<u8", "(2,)", "AwAAAAAAAAAAAAAAAAEAAA==", "label 1 is not a whole number of 32 bits")]
    [InlineData("<i8", "(1,)", "AAAAAP////8=", "label 0 is not a whole number of 32 bits")]
    [InlineData("<f4", "(1,)", "AADAPw==", "label 0 is not a whole number of 32 bits")]
    [InlineData("<f8", "(1,)", "AAAAAAAA+H8=", "label 0 is not a whole number of 32 bits")]
    [InlineData("<f4", "(1,)", "AACAfw==", "label 0 is not a whole number of 32 bits")]
    [InlineData("<i8", "(1, 2)", "AAAAAAAAAAAAAAAAAAAAAA==", "labels are a vector; this is 1 x 2 int64")]
    public void Labels_that_are_none_are_refused(string descr, string shape, string data, string message) =>
        Assert.Equal($"l.npy: {message}", Assert.Throws<NpyFormatException>(() =>
            Npy.ReadLabels(new MemoryStream(NpyFiles.Make(descr, shape, Convert.FromBase64String(data))), "l.npy")).Message);

    [Fact]
    public void A_vector_is_a_matrix_of_one_column_and_nothing_is_a_matrix_too()
    {
        var vector = Npy.ReadMatrix(new MemoryStream(NpyFiles.Make("<f4", "(3,)", new byte[12])), "x");
        Assert.Equal((3, 1), (vector.Rows, vector.Columns));
        var fortran = Npy.ReadMatrix(new MemoryStream(NpyFiles.Make("<f4", "(3,)", [0, 0, 128, 63, .. new byte[8]], fortran: true)), "x");
        Assert.Equal([1f, 0, 0], fortran.Single!.Data);
        var empty = Npy.ReadMatrix(new MemoryStream(NpyFiles.Make("<f8", "(0, 3)", [])), "x");
        Assert.Equal((0, 3), (empty.Rows, empty.Columns));
    }

    [Theory]
    [InlineData("|O", "(2,)", "dtype '|O' is not supported; float32 and float64 are")]
    [InlineData("<f2", "(2,)", "dtype '<f2' is not supported; float32 and float64 are")]
    [InlineData("<c8", "(2,)", "dtype '<c8' is not supported")]
    [InlineData("<U2", "(2,)", "dtype '<U2' is not supported")]
    [InlineData("<M8[D]", "(2,)", "dtype '<M8[D]' is not supported")]
    [InlineData("|f4", "(2,)", "dtype '|f4' is not supported")]
    [InlineData("<b1", "(2,)", "dtype bool where float32 or float64 is needed")]
    [InlineData("<i8", "(2,)", "dtype int64 where float32 or float64 is needed")]
    [InlineData("|u1", "(2,)", "dtype uint8 where float32 or float64 is needed")]
    [InlineData("<f8", "()", "the array has rank 0; a vector (rank 1) or a matrix (rank 2) is needed")]
    [InlineData("<f8", "(1, 2, 3)", "the array has rank 3; a vector (rank 1) or a matrix (rank 2) is needed")]
    [InlineData("<f8", "(2, -3)", "a dimension is missing or negative")]
    [InlineData("<f8", "(2, 3.5)", "')' is missing")]
    [InlineData("<f8", "(99999999999, 1)", "a dimension is above 2147483647")]
    [InlineData("<f8", "(2147483647, 2147483647)", "4611686014132420609 elements, 36893488113059364872 bytes")]
    public void Arrays_of_the_wrong_kind_are_refused(string descr, string shape, string message)
    {
        foreach (var stream in Streams(NpyFiles.Make(descr, shape, new byte[64])))
        {
            var error = Assert.Throws<NpyFormatException>(() => Npy.ReadMatrix(stream, "keys.npy"));
            Assert.StartsWith("keys.npy: ", error.Message);
            Assert.Contains(message, error.Message);
        }
    }

    [Theory]
    [InlineData("{'descr': [('a', '<f4'), ('b', '<i4')], 'fortran_order': False, 'shape': (2,), }", "structured dtypes are not supported")]
    [InlineData("{'descr': '<f8', 'fortran_order': False, }", "the header lacks descr, fortran_order or shape")]
    [InlineData("{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", "key 'descr' is unknown or stands twice")]
    [InlineData("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'extra\n\u0007': 1}", "key 'extra??' is unknown or stands twice")]
    [InlineData("{'descr': '<f8', 'fortran_order': Maybe, 'shape': (1,), }", "True or False is missing")]
    [InlineData("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), } os.system('x')", "something follows the dictionary")]
    [InlineData("{'descr': '<f8, 'fortran_order': False, 'shape': (1,), }", "'}' is missing")]
    [InlineData("{'descr", "a string does not end")]
    [InlineData("", "'{' is missing")]
    [InlineData("{descr: 1}", "a quoted string is missing")]
    public void Headers_that_are_not_the_three_key_dictionary_are_refused_with_their_place(string dictionary, string message) =>
        Assert.Contains(message, Assert.Throws<NpyFormatException>(() => Npy.ReadMatrix(new MemoryStream(NpyFiles.Make(dictionary, new byte[16])), "x")).Message);

    [Fact]
    public void A_truncated_file_says_how_much_is_missing_wherever_it_ends()
    {
        var whole = NpyFiles.Make("<f8", "(2, 3)", new byte[48]);
        for (var length = 0; length < whole.Length; length++)
        {
            foreach (var stream in Streams(whole[..length]))
            {
                var error = Assert.Throws<NpyFormatException>(() => Npy.ReadMatrix(stream, "k.npy"));
                if (length >= 128)
                    Assert.Equal($"k.npy: the header announces 2 x 3 float64 (48 bytes), but only {length - 128} bytes follow", error.Message);
            }
        }
        foreach (var stream in Streams([.. whole, 0]))
            Assert.Contains("more bytes follow the array", Assert.Throws<NpyFormatException>(() => Npy.ReadMatrix(stream, "k.npy")).Message);
    }

    [Fact]
    public void A_header_larger_than_the_file_or_the_cap_is_refused_before_anything_is_allocated()
    {
        byte[] lying = [0x93, .. "NUMPY"u8, 2, 0, 0xff, 0xff, 0xff, 0x7f, (byte)'{'];
        foreach (var stream in Streams(lying))
            Assert.Contains("the header announces 2147483647 bytes; at most 65536 are allowed", Assert.Throws<NpyFormatException>(() => Npy.ReadMatrix(stream, "x")).Message);
        lying[8] = 0x00;
        lying[9] = 0x10;
        lying[10] = lying[11] = 0;
        Assert.Contains("the header announces 4096 bytes, more than the 1 that follow", Assert.Throws<NpyFormatException>(() => Npy.ReadMatrix(new MemoryStream(lying), "x")).Message);
        Assert.Contains("the header announces 4096 bytes, but only 1 follow", Assert.Throws<NpyFormatException>(() => Npy.ReadMatrix(new OneWayStream(lying), "x")).Message);
    }

    [Fact]
    public void Data_above_the_cap_is_refused_and_a_lying_shape_allocates_no_more_than_arrives()
    {
        var lying = NpyFiles.Make("<f8", "(1000000, 500)", new byte[4096]);
        var limits = new NpyLimits { DataBytes = 1 << 20 };
        foreach (var stream in Streams(lying))
            Assert.Contains("4000000000 bytes); at most 2147483591 elements and 1048576 bytes are allowed", Assert.Throws<NpyFormatException>(() => Npy.ReadMatrix(stream, "x", limits)).Message);
        // Within the default cap: the announced 4 GB are not allocated for 4 KiB that come.
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<NpyFormatException>(() => Npy.ReadMatrix(new OneWayStream(lying), "x"));
        Assert.Throws<NpyFormatException>(() => Npy.ReadMatrix(new MemoryStream(lying), "x"));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Theory]
    [InlineData(4, 0)]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    public void Unknown_versions_are_refused(int major, int minor) =>
        Assert.Contains($".npy version {major}.{minor} is not supported", Assert.Throws<NpyFormatException>(() =>
            Npy.ReadMatrix(new MemoryStream(NpyFiles.Make("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", new byte[8], major, minor)), "x")).Message);

    [Fact]
    public void What_is_no_array_file_is_refused()
    {
        foreach (var bytes in new byte[][] { [], "PK"u8.ToArray(), "x,y\n1,2\n3,4\n5,6\n"u8.ToArray() })
            Assert.Contains("this is not a .npy file", Assert.Throws<NpyFormatException>(() => Npy.ReadMatrix(new MemoryStream(bytes), "x")).Message);
        Assert.Throws<FileNotFoundException>(() => Npy.ReadMatrix(Path.Combine(Path.GetTempPath(), Guid.NewGuid() + ".npy")));
    }

    [Fact]
    public void Not_a_number_is_read_as_it_is_and_refused_where_rows_are_checked()
    {
        var read = Npy.ReadMatrix(new MemoryStream(NpyFiles.Make("<f4", "(1, 2)", [0, 0, 0xc0, 0x7f, 0, 0, 0x80, 0x7f])), "x");
        Assert.Equal([float.NaN, float.PositiveInfinity], read.Single!.Data);
    }

    [Fact]
    public void Rows_keep_the_types_of_their_files()
    {
        FloatMatrix single = new(new Matrix<float>(2, 1, [0.5f, 0.1f])), wide = new(new Matrix<double>(2, 1, [0.5, 0.1]));
        foreach (var keys in new[] { single, wide })
        {
            foreach (var values in new[] { single, wide })
            {
                double[] key = new double[1], value = new double[1];
                FloatMatrix.ToRows(keys, values).CopyTo(1, key, value);
                Assert.Equal(keys.Single is null ? 0.1 : 0.1f, key[0]);
                Assert.Equal(values.Single is null ? 0.1 : 0.1f, value[0]);
            }
        }
        Assert.Throws<ArgumentException>(() => FloatMatrix.ToRows(single, new FloatMatrix(new Matrix<float>(3, 1))));
    }

    [Theory]
    [InlineData("packages", 45_846, 64, 16)]
    [InlineData("letters", 19_000, 16, 26)]
    public void The_real_files_are_read(string set, int rows, int d, int dv)
    {
        var keys = SharedData.Matrix(set, "keys.npy").ToDouble();
        var values = SharedData.Matrix(set, "values.npy").ToDouble();
        Assert.Equal((rows, d, rows, dv), (keys.Rows, keys.Columns, values.Rows, values.Columns));
        // One-hot values, and keys as the folder's page describes them.
        Assert.All(Enumerable.Range(0, rows), i => Assert.Equal(1, values.Row(i).ToArray().Sum()));
        var row = keys.Row(rows - 1).ToArray();
        if (set == "packages")
            Assert.Equal(1, row.Sum(x => x * x), 1e-5);
        else
            Assert.All(row, x => Assert.InRange(x, 0, 1));
        var labels = Npy.ReadLabels(SharedData.PathOf(set, "query_labels.npy"));
        Assert.Equal(SharedData.Matrix(set, "queries.npy").Rows, labels.Length);
        Assert.All(labels, label => Assert.InRange(label, 0, dv - 1));
    }

    private static Stream[] Streams(byte[] bytes) => [new MemoryStream(bytes), new OneWayStream(bytes), new OneWayStream(bytes, 7)];
}
