using System.Numerics;
using Parquet;
using Parquet.Schema;

namespace DpAttn.Cli.Files;

/// <summary>Reads a column of a row group as float32, whatever its type.</summary>
internal static class ParquetNumbers
{
    public static bool IsSupported(Type type) =>
        type == typeof(float) || type == typeof(double) || type == typeof(int) || type == typeof(long) || type == typeof(short) || type == typeof(byte) || type == typeof(sbyte) || type == typeof(ushort);

    /// <summary>The column's numbers, of which nulls are none, and its levels.</summary>
    public static Task<float[]> ReadAsync(ParquetRowGroupReader group, DataField field, int count, int[]? definitions, int[]? repetitions, CancellationToken cancellationToken) => field.ClrType switch
    {
        var type when type == typeof(float) => ReadRawAsync<float>(group, field, count, definitions, repetitions, cancellationToken),
        var type when type == typeof(double) => ConvertAsync<double>(group, field, count, definitions, repetitions, cancellationToken),
        var type when type == typeof(int) => ConvertAsync<int>(group, field, count, definitions, repetitions, cancellationToken),
        var type when type == typeof(long) => ConvertAsync<long>(group, field, count, definitions, repetitions, cancellationToken),
        var type when type == typeof(short) => ConvertAsync<short>(group, field, count, definitions, repetitions, cancellationToken),
        var type when type == typeof(byte) => ConvertAsync<byte>(group, field, count, definitions, repetitions, cancellationToken),
        var type when type == typeof(sbyte) => ConvertAsync<sbyte>(group, field, count, definitions, repetitions, cancellationToken),
        _ => ConvertAsync<ushort>(group, field, count, definitions, repetitions, cancellationToken),
    };

    private static async Task<float[]> ConvertAsync<T>(ParquetRowGroupReader group, DataField field, int count, int[]? definitions, int[]? repetitions, CancellationToken cancellationToken)
        where T : struct, INumber<T> =>
        Array.ConvertAll(await ReadRawAsync<T>(group, field, count, definitions, repetitions, cancellationToken).ConfigureAwait(false), float.CreateTruncating);

    private static async Task<T[]> ReadRawAsync<T>(ParquetRowGroupReader group, DataField field, int count, int[]? definitions, int[]? repetitions, CancellationToken cancellationToken)
        where T : struct
    {
        var numbers = new T[count];
        await group.ReadRawAsync(field, numbers.AsMemory(), Memory(definitions), Memory(repetitions), cancellationToken).ConfigureAwait(false);
        return numbers;
    }

    // A null array converts to an empty memory, which is not null.
    private static Memory<int>? Memory(int[]? levels) => levels is null ? (Memory<int>?)null : levels.AsMemory();
}
