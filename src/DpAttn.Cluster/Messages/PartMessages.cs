using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>Integers of some parts, one after another, in blocks that are copied as bytes.</summary>
[GenerateSerializer, Immutable, Alias(WireNames.PartSums)]
internal sealed record PartSums([property: Id(0)] LongBlock[] Blocks)
{
    /// <summary>The most integers in one message, 8 MiB; a single part may have more.</summary>
    public const int MostValues = 1 << 20;

    public static PartSums Of(long[] values) => new(values.Length <= LongBlock.MostValues
        ? [new LongBlock(values)]
        : [.. values.Chunk(LongBlock.MostValues).Select(block => new LongBlock(block))]);

    /// <summary>Adds a shard's integers to a total, exactly.</summary>
    /// <exception cref="ProblemException">shard_unavailable: it sent another number of them.</exception>
    public void AddTo(Span<long> total, int shard)
    {
        Require(total.Length, $"shard {shard}");
        foreach (var block in Blocks)
        {
            LongBlock.Add(total[..block.Values.Length], shard, block.Values);
            total = total[block.Values.Length..];
        }
    }

    /// <summary>All integers.</summary>
    /// <exception cref="ProblemException">shard_unavailable: another number of them was sent.</exception>
    public long[] ToArray(int expected, string sender = "the coordinator")
    {
        Require(expected, sender);
        return Blocks.Length == 1 ? Blocks[0].Values : [.. Blocks.SelectMany(block => block.Values)];
    }

    private void Require(int expected, string sender)
    {
        var sent = Blocks.Sum(block => (long)block.Values.Length);
        if (sent != expected)
            throw new ProblemException(ProblemCodes.ShardUnavailable, $"{sender} sent {sent} sums where {expected} belong");
    }
}
