using System.Text.Json;

namespace DpAttn.Client.Internal;

/// <summary>
/// The JSON body of one query, written by hand: an <see cref="Contracts.AttendRequest"/> of one row. Numbers are widened to double, so that the
/// server sees the same ones as in a .npy body.
/// </summary>
internal static class QueryBody
{
    public static ReadOnlyMemory<byte> Write(ReadOnlySpan<float> query, AttendOptions options)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(64 + 24 * query.Length);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteStartArray("queries"u8);
            writer.WriteStartArray();
            foreach (var x in query)
                writer.WriteNumberValue((double)x);
            writer.WriteEndArray();
            writer.WriteEndArray();
            if (options.Release is { } release)
                writer.WriteString("release"u8, release);
            if (options.Tier is { } tier)
                writer.WriteNumber("tier"u8, tier);
            if (options.MaxEpsilon is { } epsilon)
                writer.WriteNumber("maxEpsilon"u8, epsilon);
            if (options.Rows is { } rows)
            {
                writer.WriteStartObject("rows"u8);
                writer.WriteNumber("from"u8, rows.From);
                writer.WriteNumber("to"u8, rows.To);
                writer.WriteEndObject();
            }
            if (options.Clip)
                writer.WriteBoolean("clip"u8, true);
            writer.WriteEndObject();
        }
        return buffer.WrittenMemory;
    }
}
