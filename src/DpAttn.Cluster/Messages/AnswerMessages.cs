using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>Queries for one tier that the caller is entitled to; of a release of all levels, for the blocks [From, To), or for all where both are null.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.AnswerCommand)]
internal sealed record AnswerCommand(
    [property: Id(0)] string Release,
    [property: Id(1)] int Tier,
    [property: Id(2)] int Queries,
    [property: Id(3)] double[] Numbers,
    [property: Id(4)] bool Clip,
    [property: Id(5)] long? From = null,
    [property: Id(6)] long? To = null)
{
    public BlockRange? Rows => From is { } from && To is { } to ? new BlockRange(from, to) : null;
}

/// <summary>Answers, flat: m x dv each. A deviation may be infinite; no marks where no mean is released; the slots that all of them cover, where there is a release.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.AnswerBatch)]
internal sealed record AnswerBatch(
    [property: Id(0)] int Columns,
    [property: Id(1)] double[] Outputs,
    [property: Id(2)] double[] Deviations,
    [property: Id(3)] double[] Low,
    [property: Id(4)] double[] High,
    [property: Id(5)] bool[] Whole,
    [property: Id(6)] bool[] Indistinguishable,
    [property: Id(7)] double KernelErrorBound,
    [property: Id(8)] long? Slots = null);
