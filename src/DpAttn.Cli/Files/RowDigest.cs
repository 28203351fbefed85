using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace DpAttn.Cli.Files;

/// <summary>
/// A digest of rows as they are sent, whatever format they came in, for one store: the beginning of the batch ids, so that the same rows give the
/// same batches. The store's incarnation goes in first: digests of the same rows at two stores have nothing in common.
/// </summary>
internal sealed class RowDigest : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _buffer = new byte[1 << 16];

    public RowDigest(string incarnation, int keyDimension, int valueDimension, int batchBytes, int batchRows)
    {
        // Everything that decides where batches are cut.
        _hash.AppendData(Encoding.UTF8.GetBytes($"dpattn rows 1\n{incarnation}\n{keyDimension} {valueDimension} {batchBytes} {batchRows}\n"));
    }

    public void Add(RowBlock block)
    {
        for (var i = 0; i < block.Count; i++)
        {
            Add(block.Key(i).Span);
            Add(block.Value(i).Span);
        }
    }

    /// <summary>128 bits as hexadecimal digits.</summary>
    public string Finish() => Convert.ToHexStringLower(_hash.GetHashAndReset().AsSpan(0, 16));

    public void Dispose() => _hash.Dispose();

    private void Add(ReadOnlySpan<float> numbers)
    {
        if (BitConverter.IsLittleEndian)
        {
            _hash.AppendData(MemoryMarshal.AsBytes(numbers));
            return;
        }
        for (var start = 0; start < numbers.Length; start += _buffer.Length / sizeof(float))
        {
            var piece = numbers.Slice(start, Math.Min(_buffer.Length / sizeof(float), numbers.Length - start));
            for (var j = 0; j < piece.Length; j++)
                BinaryPrimitives.WriteSingleLittleEndian(_buffer.AsSpan(j * sizeof(float)), piece[j]);
            _hash.AppendData(_buffer.AsSpan(0, piece.Length * sizeof(float)));
        }
    }
}
