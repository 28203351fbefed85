using System.Text.Json.Serialization;

namespace DpAttn.Cluster;

/// <summary>A release in the catalog.</summary>
internal sealed record ReleaseDocument : IFormatted
{
    public const string Publishing = "publishing";
    public const string Published = "published";
    public const string Retired = "retired";
    public const string Failed = "failed";

    public int Format { get; init; } = 1;

    public required string Id { get; init; }

    public required string State { get; init; }

    /// <summary>The idempotency key that it was asked for with, or null.</summary>
    public string? Request { get; init; }

    public required DateTimeOffset Created { get; init; }

    /// <summary>Slots when it was frozen; 0 of a continual release.</summary>
    public required long Slots { get; init; }

    /// <summary>The tiers' epsilons.</summary>
    public required IReadOnlyList<double> Ladder { get; init; }

    /// <summary>All segments of a lower ordinal are in it. None of a continual release, which says block by block what is in it.</summary>
    public required long SegmentsBelow { get; init; }

    /// <summary>The id of the manifest's blob: its SHA-256.</summary>
    public required string Manifest { get; init; }

    public required int ManifestBytes { get; init; }

    /// <summary>
    /// What the noise key is bound to, computed when the release was frozen. A binary that would compute another one must not resume it.
    /// </summary>
    public required string NoiseBinding { get; init; }

    /// <summary>The release's secret, wrapped; null once all nodes are persisted. Where parts get their noise when they are asked for, it is kept as long as the release answers.</summary>
    public string? Secret { get; init; }

    /// <summary>The blocks that hold its slots, of a release of all levels; null for others.</summary>
    public long? Blocks { get; init; }

    /// <summary>The persisted nodes, a tier each; of a release of all levels, for each tier the list of the digests of its pages (<see cref="NodePages"/>).</summary>
    public IReadOnlyList<NodeDocument> Nodes { get; init; } = [];

    /// <summary>
    /// The persisted exact sums of a release whose parts get their noise when they are asked for, a shard each; null for others, and once it is retired. The digests are
    /// computed from rows: like the sums they never leave the house.
    /// </summary>
    public IReadOnlyList<NodeDocument>? Sums { get; init; }

    public string? Failure { get; init; }

    /// <summary>The slots that answers from all of it cover: a public count.</summary>
    [JsonIgnore]
    public long CoveredSlots => Continual?.ReleasedSlots ?? Slots;

    /// <summary>The blocks that may be answered from; null where a release has none.</summary>
    [JsonIgnore]
    public long? CoveredBlocks => Continual?.ReleasedBlocks ?? Blocks;

    /// <summary>How far a continual release has grown; null for others. It keeps its secret until it is full, stopped or retired.</summary>
    public ContinualState? Continual { get; init; }
}

/// <summary>One tier's released integers, or one shard's sums.</summary>
/// <param name="Blob">The blob's id.</param>
/// <param name="Bytes">Its length over all parts.</param>
/// <param name="Digest">SHA-256 over all parts, lower-case hexadecimal.</param>
internal sealed record NodeDocument(string Blob, int Bytes, string Digest);
