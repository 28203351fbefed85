using System.Buffers.Binary;
using System.Text;

namespace DpAttn.Cli.Tests.Files;

public sealed class SafetensorsTests : IDisposable
{
    private readonly Scratch _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("F32", new byte[] { 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0xbf })]
    [InlineData("F64", new byte[] { 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x08, 0x40, 0, 0, 0, 0, 0, 0, 0xf0, 0xbf })]
    [InlineData("F16", new byte[] { 0x00, 0x3c, 0x00, 0xc0, 0x00, 0x42, 0x00, 0xbc })]
    [InlineData("BF16", new byte[] { 0x80, 0x3f, 0x00, 0xc0, 0x40, 0x40, 0x80, 0xbf })]
    public async Task Every_float_type_is_read(string dtype, byte[] data)
    {
        var half = data.Length;
        var path = Write($$$"""{"__metadata__":{"format":"pt"},"keys":{"dtype":"{{{dtype}}}","shape":[2,2],"data_offsets":[0,{{{half}}}]},"values":{"dtype":"{{{dtype}}}","shape":[2],"data_offsets":[{{{half / 2}}},{{{half}}}]}}""", data);
        Assert.Equal([[1, -2, 3], [3, -1, -1]], await ReadRows.AllAsync(ReadRows.Of(path), block: 1));
    }

    [Fact]
    public async Task Tensors_are_found_by_name_whatever_their_place()
    {
        var path = Write("""{"b":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]}}""", Floats(3, 4, 1, 2));
        var source = ReadRows.Of(path) with { KeysName = "a", ValuesName = "b" };
        Assert.Equal([[1, 3], [2, 4]], await ReadRows.AllAsync(source));
        Assert.Contains("there is no tensor 'keys'; there are 2 others", await ReadRows.FaultAsync(ReadRows.Of(path)));
    }

    [Theory]
    [InlineData("""{"keys":{"dtype":"I64","shape":[1,1],"data_offsets":[0,8]}}""", "rows.safetensors: tensor 'keys': its dtype is not supported; F32, F64, F16 and BF16 are")]
    [InlineData("""{"keys":{"dtype":"F32","shape":[1,1,1],"data_offsets":[0,4]}}""", "rows.safetensors: tensor 'keys': it has rank 3; a vector (rank 1) or a matrix (rank 2) is needed")]
    [InlineData("""{"keys":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}""", "rows.safetensors: tensor 'keys': it has rank 0; a vector (rank 1) or a matrix (rank 2) is needed")]
    [InlineData("""{"keys":{"dtype":"F32","shape":[1,2],"data_offsets":[0,4]}}""", "rows.safetensors: tensor 'keys': 1 x 2 numbers take 8 bytes, its data_offsets hold 4")]
    [InlineData("""{"keys":{"dtype":"F32","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,4]}}""", "rows.safetensors: tensor 'keys': 9223372036854775807 x 9223372036854775807 numbers take")]
    [InlineData("""{"keys":{"dtype":"F32","shape":[1,4],"data_offsets":[0,16]}}""", "rows.safetensors: tensor 'keys': its data_offsets must be two numbers, ascending and at most 8, the bytes that follow the header")]
    [InlineData("""{"keys":{"dtype":"F32","shape":[1,1],"data_offsets":[8,4]}}""", "rows.safetensors: tensor 'keys': its data_offsets must be two numbers, ascending and at most 8")]
    [InlineData("""{"keys":{"dtype":"F32","shape":[1,1],"data_offsets":[0]}}""", "rows.safetensors: tensor 'keys': its data_offsets must be two numbers")]
    [InlineData("""{"keys":{"dtype":"F32","shape":[1,-1],"data_offsets":[0,4]}}""", "rows.safetensors: tensor 'keys': its shape must be whole numbers of at least 0")]
    [InlineData("""{"keys":{"dtype":"F32","shape":[1,1.5],"data_offsets":[0,4]}}""", "rows.safetensors: tensor 'keys': its shape must be whole numbers of at least 0")]
    [InlineData("""{"keys":{"dtype":"F32","shape":"11","data_offsets":[0,4]}}""", "rows.safetensors: tensor 'keys': it has no shape")]
    [InlineData("""{"keys":{"shape":[1,1],"data_offsets":[0,4]}}""", "rows.safetensors: tensor 'keys': it has no dtype")]
    [InlineData("""{"keys":{"dtype":"F32","shape":[1,1]}}""", "rows.safetensors: tensor 'keys': it has no data_offsets")]
    [InlineData("""{"keys":7}""", "rows.safetensors: tensor 'keys': it has no dtype")]
    [InlineData("""{"keys":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"keys":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]}}""", "rows.safetensors: the header is not JSON that can be read")]
    [InlineData("[1,2]", "rows.safetensors: the header is not a JSON object")]
    [InlineData("""{"\ud800":1}""", "rows.safetensors: the header names a tensor in what is not valid Unicode")]
    [InlineData("""{"keys":{"dtype":"\ud800","shape":[1,1],"data_offsets":[0,4]}}""", "rows.safetensors: tensor 'keys': its dtype is not valid Unicode")]
    [InlineData("{\"keys\":", "rows.safetensors: the header is not JSON that can be read (line 1")]
    [InlineData("""{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}""", "rows.safetensors: the header is not JSON that can be read")]
    [InlineData("""{"keys":{"dtype":"F32","shape":[0,1],"data_offsets":[0,0]},"values":{"dtype":"F32","shape":[0,1],"data_offsets":[0,0]}}""", "rows.safetensors: there are no rows")]
    [InlineData("""{"keys":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"values":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}""", "rows.safetensors: 1 keys but 2 values: every row needs both")]
    public async Task A_header_that_lies_is_refused(string header, string message) =>
        Assert.StartsWith(message, await ReadRows.FaultAsync(ReadRows.Of(Write(header, new byte[8]))));

    [Fact]
    public async Task A_header_that_announces_too_much_costs_nothing()
    {
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, ulong.MaxValue);
        var path = _files.Write("rows.safetensors", bytes);
        Assert.Equal($"rows.safetensors: the header announces {ulong.MaxValue} bytes; at most 16777216 are allowed", await ReadRows.FaultAsync(ReadRows.Of(path)));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, 1 << 20);
        File.WriteAllBytes(path, bytes);
        Assert.Equal("rows.safetensors: the header announces 1048576 bytes, more than the 8 that follow", await ReadRows.FaultAsync(ReadRows.Of(path)));
    }

    [Fact]
    public async Task A_file_cut_anywhere_is_refused()
    {
        var path = Write("""{"keys":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"values":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]}}""", Floats(1, 2, 3, 4));
        var whole = File.ReadAllBytes(path);
        Assert.Equal(2, (await ReadRows.AllAsync(ReadRows.Of(path))).Length);
        for (var cut = 0; cut < whole.Length; cut++)
        {
            File.WriteAllBytes(path, whole[..cut]);
            Assert.StartsWith("rows.safetensors: ", await ReadRows.FaultAsync(ReadRows.Of(path)));
        }
    }

    private string Write(string header, byte[] data)
    {
        var text = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        return _files.Write("rows.safetensors", [.. length, .. text, .. data]);
    }

    private static byte[] Floats(params float[] numbers) => [.. numbers.SelectMany(BitConverter.GetBytes)];
}
