using DpAttn.Attention;
using DpAttn.Client.Internal;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Gateway;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;

namespace DpAttn.Fuzzing.Tests;

/// <summary>Messages between silos that carry blocks, and what a client reads of a server's reply.</summary>
internal static class WireTargets
{
    private static readonly Serializer Serializer =
        new ServiceCollection().AddSerializer(builder => builder.AddAssembly(typeof(LongBlock).Assembly).AddAssembly(typeof(AppendHeader).Assembly)).BuildServiceProvider().GetRequiredService<Serializer>();

    public static IEnumerable<FuzzTarget> All =>
    [
        Message("wire-block", new LongBlock([1, -2, 3, long.MaxValue]), block => block.Values.Length),
        Message("wire-part-sums", new PartSums([new LongBlock([1, 2]), new LongBlock([3])]), sums => sums.Blocks?.Sum(block => block?.Values.Length ?? 0) ?? 0),
        Message("wire-query-sums", new QuerySumsCommand(3, 1, new byte[32], 2, new LongBlock([1, 2, 3, 4])), command => command.Queries),
        Message("wire-answer", new AnswerBatch(2, [1, 2], [3, 4], [5, 6], [7, 8], [true, false], [true], 0.5), batch => batch.Columns),
        Message("wire-slice", new SegmentSlice(3, 2, "00"), slice => slice.Slots),
        Message("wire-door-request", new DoorRequest(Operations.Publish, "s", "n", 3, "t", GatewayJson.Write(new PublishRequest([0.5, 1]))), request =>
        {
            GatewayBounds.Require(request);
            return request.Body is { } body ? GatewayJson.Read<PublishRequest>(body).Ladder?.Count ?? 0 : 0;
        }),
        Message("wire-append", new AppendHeader("s", "b", new BatchShape(1, 2, true, 1, false, true), true, 0, new Block(new byte[2 * 8 + 4 + 1])), header =>
            GatewayBounds.BytesOf(header) == header.Content?.Bytes.Length ? RowContent.Read(header.Shape, header.Content.Bytes.Span, header.Clip).Keys.Rows : 0),
        Message("wire-attend", new AttendHeader("s", 1, 2, GatewayJson.Write(new AttendTerms("r000001", 1, 0.5, "key", true, new BlockRange(0, 2))), 0, new Block(new byte[16])), header =>
            GatewayBounds.BytesOf(header) == header.Content?.Bytes.Length
                ? AttendCommands.Read(GatewayJson.Read<AttendTerms>(header.Options), header.Queries, header.Columns, header.Content.Bytes.Span).Queries.Rows
                : 0),
        Message("wire-attend-answer", Answered, answer =>
        {
            var summary = GatewayJson.Read<AnswerSummary>(answer.Summary);
            return summary.Bytes == answer.Content?.Bytes.Length ? AttendResults.Read(summary, answer.Content.Bytes.ToArray()).Answers.Count : 0;
        }),
        new()
        {
            Name = "client-problem",
            Seeds = [Pieces.Utf8("""{"type":"urn:dpattn:problem:busy","title":"t","status":503,"detail":"d","code":"busy","retryable":true,"traceId":"00","prices":[{"tier":1,"epsilon":0.5,"delta":1e-6,"release":"r000001"}]}""")],
            Tokens = [.. Pieces.JsonTokens, "\"code\"", "\"prices\"", "\"status\""],
            Refusals = [],
            BytesPerByte = 64,
            Read = bytes => Client.Internal.Problems.Parse(bytes) is not null,
        },
        new()
        {
            Name = "client-npz",
            Seeds = [Archive(Pieces.Npy("<f8", "(2, 1)", Pieces.Doubles(2)))],
            Tokens = Pieces.NpyTokens,
            Refusals = [],
            BytesPerByte = 64,
            Read = bytes => NpzAnswers.TryRead(Reply(bytes), 2) is not null,
        },
        new()
        {
            Name = "client-npz-member",
            Seeds = [Pieces.Npy("<f8", "(2, 1)", Pieces.Doubles(2))],
            Tokens = Pieces.NpyTokens,
            Refusals = [],
            BytesPerByte = 64,
            Wrap = Archive,
            Read = bytes => NpzAnswers.TryRead(Reply(bytes), 2) is not null,
        },
    ];

    private static AttendAnswer Answered
    {
        get
        {
            var answer = new AttentionAnswer([1, 2], [0.5, 0.5], [new NoiseInterval(0, 2, false), new NoiseInterval(-1, 1, true)], 0.25, true) { SlotsCovered = 3 };
            var (summary, content) = AttendResults.Write(new AttendResult([answer], new PrivacyRecord(1, 0.5, 1e-6, 0.5, 0.5, 1, false, "r000001"), new BlockRange(0, 1)));
            return new AttendAnswer(GatewayJson.Write(summary), new Block(content));
        }
    }

    /// <summary>
    /// The engine's reader throws what it likes; a message that does so is dropped with its connection. It must not take the process with it, hang, or believe a length.
    /// </summary>
    private static FuzzTarget Message<T>(string name, T seed, Func<T, int> use)
        where T : class => new()
        {
            Name = name,
            Seeds = [Serializer.SerializeToArray(seed)],
            Tokens = [],
            Refusals = [typeof(Exception)],
            IsRefusal = exception => exception is not (OutOfMemoryException or NullReferenceException or AccessViolationException),
            BytesPerByte = 256,
            Weight = 2,
            Read = bytes => Serializer.Deserialize<T>(bytes) is { } message && use(message) >= 0,
        };

    private static byte[] Archive(byte[] outputs)
    {
        var numbers = Pieces.Npy("<f8", "(2, 1)", Pieces.Doubles(2));
        return Pieces.Zip(false, ("outputs.npy", outputs), ("noise_deviations.npy", numbers), ("interval_low.npy", numbers), ("interval_high.npy", numbers), ("indistinguishable.npy", Pieces.Npy("|b1", "(2,)", [0, 1])));
    }

    private static Reply Reply(byte[] body)
    {
        var response = new HttpResponseMessage();
        foreach (var name in new[] { "Privacy-Kernel-Error-Bound", "Privacy-Tier-Epsilon", "Privacy-Delta", "Privacy-Epsilon-Charged", "Privacy-Epsilon-Spent", "Privacy-Epsilon-Remaining" })
            response.Headers.Add(name, "0.5");
        response.Headers.Add("Privacy-Tier", "1");
        return new Reply(System.Net.HttpStatusCode.OK, "application/x-npz", response.Headers, body);
    }
}
