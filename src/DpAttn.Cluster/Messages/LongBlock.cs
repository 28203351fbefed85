using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using DpAttn.Contracts;
using Orleans.Serialization.Buffers;
using Orleans.Serialization.Cloning;
using Orleans.Serialization.Codecs;
using Orleans.Serialization.WireProtocol;

namespace DpAttn.Cluster;

/// <summary>
/// Integers in a message, copied as bytes: the engine's own codec for long[] goes element by element. Never changed once it is sent.
/// </summary>
[Immutable, Alias(WireNames.LongBlock)]
internal sealed class LongBlock(long[] values)
{
    /// <summary>The most values in one message: 1 MiB.</summary>
    public const int MostValues = 1 << 17;

    public long[] Values { get; } = values.Length <= MostValues
        ? values
        : throw new ArgumentException($"{values.Length} integers do not fit one message; at most {MostValues} do", nameof(values));

    /// <summary>Adds a shard's integers to a total, exactly.</summary>
    /// <exception cref="ProblemException">shard_unavailable: it sent another number of them.</exception>
    public static void Add(Span<long> total, int shard, long[] block)
    {
        if (block.Length != total.Length)
            throw new ProblemException(ProblemCodes.ShardUnavailable, $"shard {shard} sent {block.Length} sums where {total.Length} belong");
        for (var i = 0; i < block.Length; i++)
            total[i] = checked(total[i] + block[i]);
    }
}

/// <summary>Little-endian bytes behind a length.</summary>
[RegisterSerializer]
internal sealed class LongBlockCodec : IFieldCodec<LongBlock>
{
    public void WriteField<TBufferWriter>(ref Writer<TBufferWriter> writer, uint fieldIdDelta, Type? expectedType, LongBlock? value)
        where TBufferWriter : IBufferWriter<byte>
    {
        if (ReferenceCodec.TryWriteReferenceField(ref writer, fieldIdDelta, expectedType!, value))
            return;
        writer.WriteFieldHeader(fieldIdDelta, expectedType!, typeof(LongBlock), WireType.LengthPrefixed);
        var values = BitConverter.IsLittleEndian ? value!.Values : Swapped(value!.Values);
        var bytes = MemoryMarshal.AsBytes(values.AsSpan());
        writer.WriteVarUInt32((uint)bytes.Length);
        writer.Write(bytes);
    }

    public LongBlock? ReadValue<TInput>(ref Reader<TInput> reader, Field field)
    {
        if (field.WireType == WireType.Reference)
            return ReferenceCodec.ReadReference<LongBlock, TInput>(ref reader, field);
        if (field.WireType != WireType.LengthPrefixed)
            throw new InvalidDataException($"a block of integers has wire type {field.WireType}");
        var reference = ReferenceCodec.CreateRecordPlaceholder(reader.Session);
        var length = reader.ReadVarUInt32();
        if (length % sizeof(long) != 0 || length > LongBlock.MostValues * sizeof(long))
            throw new InvalidDataException($"a block of integers has {length} bytes; at most {LongBlock.MostValues * sizeof(long)} and whole integers are allowed");
        var values = new long[length / sizeof(long)];
        reader.ReadBytes(MemoryMarshal.AsBytes(values.AsSpan()));
        var block = new LongBlock(BitConverter.IsLittleEndian ? values : Swapped(values));
        ReferenceCodec.RecordObject(reader.Session, block, reference);
        return block;
    }

    private static long[] Swapped(long[] values)
    {
        var swapped = new long[values.Length];
        BinaryPrimitives.ReverseEndianness(values, swapped);
        return swapped;
    }
}

/// <summary>An immutable block needs no copy.</summary>
[RegisterCopier]
internal sealed class LongBlockCopier : ShallowCopier<LongBlock>;
