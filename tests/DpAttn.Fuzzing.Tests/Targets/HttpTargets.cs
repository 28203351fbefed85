using System.Buffers;
using System.Text;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Server;
using DpAttn.Server.Attend;
using DpAttn.Server.Http;
using DpAttn.Server.Rows;
using Microsoft.AspNetCore.Http;

namespace DpAttn.Fuzzing.Tests;

/// <summary>
/// What comes over HTTP: bodies of rows and queries, query strings and headers. A refusal is what the server would tell its caller is the caller's fault; whatever it
/// would answer with internal_error is a crash.
/// </summary>
internal static class HttpTargets
{
    private const string Boundary = "edge";

    private static readonly ServerOptions Options = new() { MaxBodyBytes = 1 << 20, MaxJsonBodyBytes = 1 << 16, MaxJsonLineBytes = 1 << 14, MaxQueries = 64 };

    // Bodies are copied once and numbers doubled as they grow, within the cap of a body; the framework's multipart reader rents 4 KiB at a time.
    private const long Cap = 12 << 20;

    public static IEnumerable<FuzzTarget> All =>
    [
        Body("http-attend-json", Queries, [.. Pieces.JsonTokens, "\"queries\"", "\"tier\"", "\"release\"", "\"maxEpsilon\"", "\"clip\"", "[0.1,0.2]"], bytes => ReadQueries(bytes)) with { Weight = 3 },
        Body("http-attend-pieces", Queries, [.. Pieces.JsonTokens, "\"queries\"", "\"release\""], bytes => ReadQueries(bytes, piece: 7)) with { Weight = 2 },
        Body("http-rows-jsonl", Lines, [.. Pieces.JsonTokens, "{}\n", "\"key\"", "\"value\"", "{\"key\":[1],\"value\":[1]}\n"], bytes => ReadRows(bytes, RequestBody.JsonLines)) with { Weight = 2 },
        Body("http-rows-npz", [.. NumpyTargets.Archives[..2], Pieces.Zip(false, ("keys.npy", Pieces.Keys), ("values.npy", Pieces.Values), ("isNull.npy", Pieces.Marks))], Pieces.NpyTokens, bytes => ReadRows(bytes, RequestBody.Npz)) with { BytesPerByte = 64 },
        Body("http-rows-npz-member", [Pieces.Keys, Pieces.Npy("<f4", "(4, 3)", Pieces.Singles(12), fortran: true)], Pieces.NpyTokens, bytes => ReadRows(bytes, RequestBody.Npz)) with
        {
            Wrap = member => Pieces.Zip(member.Length % 2 == 0, ("keys.npy", member), ("values.npy", Pieces.Values)), BytesPerByte = 64,
        },
        Body("http-rows-multipart", [Pieces.Multipart(Boundary, ("keys", Pieces.Keys), ("values", Pieces.Values), ("isNull", Pieces.Marks))], [$"--{Boundary}\r\n", $"--{Boundary}--", "\r\n\r\n", "Content-Disposition: form-data; name=\"keys\"\r\n", "name=", "filename*=UTF-8''%ff", "\r\n"], bytes => ReadRows(bytes, $"{RequestBody.Multipart}; boundary={Boundary}")),
        Body("http-rows-multipart-part", [Pieces.Marks, Pieces.Npy("|u1", "(4,)", [1, 0, 0, 0])], Pieces.NpyTokens, bytes => ReadRows(bytes, $"{RequestBody.Multipart}; boundary={Boundary}")) with
        {
            Wrap = part => Pieces.Multipart(Boundary, ("keys", Pieces.Keys), ("values", Pieces.Values), ("isNull", part)),
        },
        Body("http-content-type", [Pieces.Utf8("multipart/form-data; boundary=edge"), Pieces.Utf8("application/x-ndjson; charset=utf-8"), Pieces.Utf8("multipart/form-data; boundary=\"edge\"")], ["boundary=", "multipart/form-data", ";", "\"", "\\", "=", "charset"], ReadContentType),
        Body("http-parameters", [Pieces.Utf8("?release=r000001&tier=2&maxEpsilon=0.5&clip=true"), Pieces.Utf8("?limit=100&after=5&tier=-1"), Pieces.Utf8("?clip=false")], ["%", "%00", "%ff", "%ud800", "&", "=", "+", "?", "#", "tier=", "maxEpsilon=1e400", "limit=", "NaN"], ReadParameters) with { Weight = 3 },
        Body("http-headers", Headers, ["*/*", "application/json", "application/x-npy", ";q=", ";q=0.5", ";q=1.0000000001", ",", "Bearer ", "Basic ", "dpattn_", "\"", "=", " ", "\t", "\u00e9"], ReadHeaders) with { Weight = 3 },
    ];

    private static byte[][] Queries { get; } =
    [
        Pieces.Utf8("""{"queries":[[0.1,0.2,-0.3],[1,2,3]],"release":"r000001","tier":1,"maxEpsilon":null,"clip":false}"""),
        Pieces.Utf8("""{ "tier" : null, "maxEpsilon": 0.5, "queries" : [ [ 1e-3 ] ] }"""),
    ];

    private static byte[][] Lines { get; } =
    [
        Pieces.Utf8("{\"key\":[0.1,0.2],\"value\":[1]}\n{}\n\n{\"value\":[-1],\"key\":[0.3,1e-4]}\r\n"),
        Pieces.Utf8("{}\n{}\n{\"key\":[1],\"value\":[1,2,3]}"),
    ];

    // Idempotency-Key, Accept and Authorization, a line each.
    private static byte[][] Headers { get; } =
    [
        Pieces.Utf8("batch-0001\napplication/x-npy, application/json;q=0.5\nBearer dpattn_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        Pieces.Utf8("!~key~!\n*/*\nBasic bmFtZTprZXk="),
    ];

    private static FuzzTarget Body(string name, byte[][] seeds, IReadOnlyList<string> tokens, Func<byte[], bool> read) => new()
    {
        Name = name,
        Seeds = seeds,
        Tokens = tokens,
        Read = read,
        Refusals = [typeof(Exception)],
        IsRefusal = exception => exception is StatusException || ProblemTranslator.Translate(exception, ProblemCodes.ShardUnavailable).Code != ProblemCodes.InternalError,
        BytesAtMost = Cap,
    };

    private static DefaultHttpContext Context(byte[] body, string contentType)
    {
        var context = new DefaultHttpContext();
        context.Request.Body = new MemoryStream(body);
        context.Request.ContentType = contentType;
        return context;
    }

    private static bool ReadQueries(byte[] bytes, int piece = int.MaxValue)
    {
        var command = AttendJsonReader.Read(Cut(bytes, piece), Options.MaxQueries, null);
        return command.Queries.Rows * command.Queries.Columns == command.Queries.Data.Length;
    }

    private static bool ReadRows(byte[] bytes, string contentType)
    {
        var rows = new RowBodyReader(Options).ReadAsync(Context(bytes, contentType), () => Task.FromResult((3, 2))).GetAwaiter().GetResult();
        return rows.ToRows().Count == rows.Keys.Rows;
    }

    private static bool ReadContentType(byte[] bytes) => ReadRows(
        Encoding.Latin1.GetString(bytes).Contains("ndjson", StringComparison.Ordinal) ? Lines[0] : Pieces.Multipart(Boundary, ("keys", Pieces.Keys), ("values", Pieces.Values)),
        Encoding.Latin1.GetString(bytes));

    private static bool ReadParameters(byte[] bytes)
    {
        var context = new DefaultHttpContext();
        context.Request.QueryString = new QueryString("?" + Encoding.Latin1.GetString(bytes).TrimStart('?'));
        RequestParameters.Allow(context, "release", "tier", "maxEpsilon", "clip", "limit", "after");
        _ = RequestParameters.Text(context, "release");
        _ = RequestParameters.Whole(context, "tier", int.MinValue, int.MaxValue);
        _ = RequestParameters.Whole(context, "after", 0, long.MaxValue);
        _ = RequestParameters.Number(context, "maxEpsilon");
        _ = RequestParameters.Switch(context, "clip");
        return RequestParameters.Limit(context) >= 1;
    }

    private static bool ReadHeaders(byte[] bytes)
    {
        var lines = Encoding.Latin1.GetString(bytes).Split('\n');
        var context = new DefaultHttpContext();
        // Only browsers' pages take a password dialogue's credential.
        if (lines[0].StartsWith('!'))
            context.SetEndpoint(new Endpoint(null, new EndpointMetadataCollection(new BrowserPage()), "page"));
        if (lines.Length > 0)
            context.Request.Headers[ResponseHeaders.IdempotencyKey] = lines[0];
        if (lines.Length > 1)
            context.Request.Headers.Accept = lines[1];
        if (lines.Length > 2)
            context.Request.Headers.Authorization = lines[2];
        if (lines.Length > 3)
            context.Request.Headers[Server.Http.Credential.HeaderName] = lines[3..];
        _ = RequestParameters.RequireIdempotencyKey(context);
        _ = Negotiation.Select(context, RequestBody.Json, RequestBody.Npy, RequestBody.Npz);
        _ = Server.Http.Credential.Challenge(context);
        return ApiKey.TryParse(Server.Http.Credential.Read(context)) is null or { Id.Length: > 0 };
    }

    /// <summary>The bytes in segments, as a network delivers them.</summary>
    internal static ReadOnlySequence<byte> Cut(byte[] bytes, int piece)
    {
        if (bytes.Length <= piece)
            return new ReadOnlySequence<byte>(bytes);
        var first = new Segment(bytes.AsMemory(0, piece), 0);
        var last = first;
        for (var at = piece; at < bytes.Length; at += piece)
            last = last.Append(bytes.AsMemory(at, Math.Min(piece, bytes.Length - at)));
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long before) => (Memory, RunningIndex) = (memory, before);

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
