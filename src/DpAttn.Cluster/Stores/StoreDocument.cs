using System.Text.Json.Serialization;
using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>A store in the catalog. Small and of a fixed size: batches, segments and releases have rows of their own.</summary>
internal sealed record StoreDocument : IFormatted
{
    public const string Active = "active";
    public const string Deleted = "deleted";

    public int Format { get; init; } = 1;

    public required string Name { get; init; }

    public required string Incarnation { get; init; }

    /// <summary>The account that made it.</summary>
    public required string Owner { get; init; }

    /// <summary>The definition with its defaults filled in.</summary>
    public required StoreDefinition Definition { get; init; }

    public required string State { get; init; }

    public required DateTimeOffset Created { get; init; }

    /// <summary>Committed slots that count; under replace-one the rows.</summary>
    public long Slots { get; init; }

    /// <summary>Slots that rows were erased from under replace-one. Numbers of slots are never given again.</summary>
    public long ErasedSlots { get; init; }

    public long Batches { get; init; }

    /// <summary>The ordinal of the next segment: all segments below it are committed.</summary>
    public long NextSegment { get; init; }

    public int NextRelease { get; init; } = 1;

    /// <summary>How many rows were erased. With <see cref="NextSegment"/> it tells one row set from every other, since both change with the rows, in one transaction.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Erasures { get; init; }

    /// <summary>The secret behind the noise of a per-query store, wrapped; null for others and once the store is deleted.</summary>
    public string? Secret { get; init; }
}
