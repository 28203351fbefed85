using System.Buffers;
using System.Text.Json;
using DpAttn.Attention;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Server.Http;
using DpAttn.Server.Rows;

namespace DpAttn.Server.Attend;

/// <summary>Reads an <see cref="AttendRequest"/> straight into a matrix.</summary>
internal static class AttendJsonReader
{
    /// <summary>Reads the whole body.</summary>
    /// <param name="body">The body.</param>
    /// <param name="mostQueries">The cap on queries.</param>
    /// <param name="requestId">The idempotency key.</param>
    /// <exception cref="ProblemException">invalid_request with path and fault; too_large.</exception>
    public static AttendCommand Read(in ReadOnlySequence<byte> body, int mostQueries, string? requestId)
    {
        var reader = body.IsSingleSegment ? new Utf8JsonReader(body.FirstSpan) : new Utf8JsonReader(body);
        try
        {
            return Read(ref reader, mostQueries, requestId);
        }
        catch (JsonException e)
        {
            throw JsonFault.Of(e);
        }
    }

    private static AttendCommand Read(ref Utf8JsonReader reader, int mostQueries, string? requestId)
    {
        Matrix<double>? queries = null;
        string? release = null;
        int? tier = null;
        double? maxEpsilon = null;
        BlockRange? rows = null;
        bool? clip = null;
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            throw JsonFault.At("$", "an object is needed here");
        var seen = Members.None;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = Name(ref reader);
            if ((seen & member) != 0)
                throw JsonFault.At("$", "a member stands twice");
            seen |= member;
            reader.Read();
            switch (member)
            {
                case Members.Queries:
                    queries = ReadQueries(ref reader, mostQueries);
                    break;
                case Members.Release:
                    release = reader.TokenType == JsonTokenType.Null ? null
                        : reader.TokenType == JsonTokenType.String ? JsonText.Get(ref reader, new("$.release"))
                        : throw JsonFault.At("$.release", "a text is needed here");
                    break;
                case Members.Tier:
                    tier = reader.TokenType == JsonTokenType.Null ? null
                        : reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var number) ? number
                        : throw JsonFault.At("$.tier", "a whole number of 32 bits is needed here");
                    break;
                case Members.MaxEpsilon:
                    maxEpsilon = reader.TokenType == JsonTokenType.Null ? null
                        : reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out var epsilon) && double.IsFinite(epsilon) ? epsilon
                        : throw JsonFault.At("$.maxEpsilon", "a finite number is needed here");
                    break;
                case Members.Rows:
                    rows = reader.TokenType == JsonTokenType.Null ? null : ReadRows(ref reader);
                    break;
                default:
                    clip = reader.TokenType is JsonTokenType.True or JsonTokenType.False ? reader.GetBoolean() : throw JsonFault.At("$.clip", "true or false is needed here");
                    break;
            }
        }
        while (reader.Read())
        {
        }
        return queries is null
            ? throw JsonFault.At("$", "'queries' is missing")
            : new AttendCommand(queries, release, tier, maxEpsilon, requestId, clip ?? false, rows);
    }

    private static Members Name(ref Utf8JsonReader reader) =>
        JsonText.Is(ref reader, "queries"u8, new("$")) ? Members.Queries
        : JsonText.Is(ref reader, "release"u8, new("$")) ? Members.Release
        : JsonText.Is(ref reader, "tier"u8, new("$")) ? Members.Tier
        : JsonText.Is(ref reader, "maxEpsilon"u8, new("$")) ? Members.MaxEpsilon
        : JsonText.Is(ref reader, "clip"u8, new("$")) ? Members.Clip
        : JsonText.Is(ref reader, "rows"u8, new("$")) ? Members.Rows
        : throw JsonFault.At("$", $"'{JsonFault.Printable(JsonText.Get(ref reader, new("$")))}' is no member here");

    private static BlockRange ReadRows(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw JsonFault.At("$.rows", "an object with from and to is needed here");
        long? from = null, to = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isFrom = JsonText.Is(ref reader, "from"u8, new("$.rows"));
            if (!isFrom && !JsonText.Is(ref reader, "to"u8, new("$.rows")))
                throw JsonFault.At("$.rows", $"'{JsonFault.Printable(JsonText.Get(ref reader, new("$.rows")))}' is no member here");
            if ((isFrom ? from : to) is not null)
                throw JsonFault.At("$.rows", "a member stands twice");
            reader.Read();
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var block))
                throw JsonFault.At(isFrom ? "$.rows.from" : "$.rows.to", "a whole number of 64 bits is needed here");
            if (isFrom)
                from = block;
            else
                to = block;
        }
        return new BlockRange(from ?? throw JsonFault.At("$.rows", "'from' is missing"), to ?? throw JsonFault.At("$.rows", "'to' is missing"));
    }

    private static Matrix<double> ReadQueries(ref Utf8JsonReader reader, int mostQueries)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw JsonFault.At("$.queries", "an array of queries is needed here");
        var numbers = default(DoubleBuffer);
        try
        {
            int rows = 0, dimension = 0;
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (rows == mostQueries)
                    throw TooMany(mostQueries);
                var place = new NumberPlace("$.queries", rows);
                var count = NumberArray.Read(ref reader, ref numbers, place);
                if (rows++ == 0)
                    dimension = count;
                if (count != dimension)
                    throw place.Fault($"it has {count} numbers where the first query has {dimension}");
            }
            return rows == 0 ? throw JsonFault.At("$.queries", "it has no queries") : new Matrix<double>(rows, dimension, numbers.ToArray());
        }
        finally
        {
            numbers.Dispose();
        }
    }

    public static ProblemException TooMany(int most) => new(ProblemCodes.TooLarge, $"the request has more than {most} queries, the most that is answered at once");

    [Flags]
    private enum Members
    {
        None = 0,
        Queries = 1,
        Release = 2,
        Tier = 4,
        MaxEpsilon = 8,
        Clip = 16,
        Rows = 32,
    }
}
