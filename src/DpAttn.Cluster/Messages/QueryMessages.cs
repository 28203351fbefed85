using System.Runtime.InteropServices;
using DpAttn.Attention;

namespace DpAttn.Cluster;

/// <summary>A per-query request of an account that has a grant.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.AskCommand)]
internal sealed record AskCommand(
    [property: Id(0)] string Account,
    [property: Id(1)] string Request,
    [property: Id(2)] byte[] Content,
    [property: Id(3)] int Tier,
    [property: Id(4)] int Queries,
    [property: Id(5)] double[] Numbers,
    [property: Id(6)] bool Clip);

/// <summary>A refusal, or the answer that is stored.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.AskOutcome)]
internal sealed record AskOutcome(
    [property: Id(0)] ChargeOutcome Charge,
    [property: Id(1)] AnswerBatch? Answers);

/// <summary>Asks a shard for its exact sums of one row set. Whole queries, as many as fit a block.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.QuerySumsCommand)]
internal sealed record QuerySumsCommand(
    [property: Id(0)] long Segments,
    [property: Id(1)] long Erasures,
    [property: Id(2)] byte[] Digest,
    [property: Id(3)] int Queries,
    [property: Id(4)] LongBlock Numbers)
{
    public RowVersion Version => new(Segments, Erasures);

    public static QuerySumsCommand Of(RowSnapshot snapshot, ReadOnlySpan<double> queries, int count) => new(
        snapshot.Version.Segments, snapshot.Version.Erasures, snapshot.Digest, count, new LongBlock(MemoryMarshal.Cast<double, long>(queries).ToArray()));

    /// <summary>m x d.</summary>
    public Matrix<double> ToMatrix() => new(Queries, Numbers.Values.Length / Math.Max(1, Queries), MemoryMarshal.Cast<long, double>(Numbers.Values).ToArray());
}
