using System.Text.Json.Serialization;

namespace DpAttn.Contracts;

/// <summary>An l2 ball.</summary>
/// <param name="Radius">Above 0.</param>
/// <param name="Centre">d numbers; null for the origin.</param>
public sealed record BallBound(double Radius, IReadOnlyList<double>? Centre = null);

/// <summary>A box.</summary>
/// <param name="Low">d numbers, or one for every coordinate.</param>
/// <param name="High">As <paramref name="Low"/>.</param>
public sealed record BoxBound(IReadOnlyList<double> Low, IReadOnlyList<double> High);

/// <summary>Where keys or queries may lie: exactly one of the two.</summary>
/// <param name="Ball">A ball.</param>
/// <param name="Box">A box.</param>
public sealed record RegionBound(BallBound? Ball = null, BoxBound? Box = null);

/// <summary>How large a value may be: exactly one of the two.</summary>
/// <param name="Radius">An l2 radius.</param>
/// <param name="Entry">A bound of every column's magnitude.</param>
public sealed record ValueBoundStatement(double? Radius = null, double? Entry = null);

/// <summary>How answers get their noise.</summary>
/// <param name="Name">
/// moment-tree and distance-tree: releases are published, tiers of them opened, and open tiers answer for free. per-query: nothing is published, and each answer is charged.
/// </param>
/// <param name="Degree">moment-tree: the kernel polynomial's degree; distance-tree: that of Taylor's polynomial; null for 2. Not for per-query.</param>
/// <param name="Kernel">moment-tree only: minimax or taylor; null for minimax.</param>
/// <param name="Alpha">distance-tree only: by what share a distance may be taken too far, from 1/128 to 16, or 0 for exact distances; null for 0.1.</param>
/// <param name="GridCells">distance-tree only: the points of every feature's grid, a power of two from 4 to 65,536; null for 1,024.</param>
/// <param name="Copies">distance-tree only: independent copies, whose median is answered, odd and at most 99; null for 1.</param>
/// <param name="Levels">moment-tree only: root, or all for a release of every node of a tree over blocks of slots, from which any range of blocks is answered; null for root.</param>
/// <param name="BlockRows">With levels all only: slots per block, a power of two; null for 1,024.</param>
/// <param name="Continual">With levels all only: rows keep arriving under the one release, and a node is released when its last row is in; null for false.</param>
/// <param name="Slots">
/// Continual only: on-arrival, a row takes the next free slot, or public-schedule, the owner's statement that public facts alone decide which slot is filled when (needed under add-remove); null for on-arrival.
/// </param>
public sealed record MechanismDefinition(
    string Name = "moment-tree",
    int? Degree = null,
    string? Kernel = null,
    double? Alpha = null,
    int? GridCells = null,
    int? Copies = null,
    string? Levels = null,
    int? BlockRows = null,
    bool? Continual = null,
    string? Slots = null);

/// <summary>What an owner states when a store is made. All of it is public, and none of it may be derived from the rows.</summary>
public sealed record StoreDefinition
{
    /// <summary>A definition; what is not stated here or in the initializer has its default.</summary>
    /// <remarks>The serializer sets every property that it initialises, also to nothing where a body states nothing: only what it passes here keeps its default.</remarks>
    [JsonConstructor]
    public StoreDefinition(string adjacency = "replace-one", MechanismDefinition? mechanism = null, double delta = 1e-6, int shards = 4) =>
        (Adjacency, Mechanism, Delta, Shards) = (adjacency, mechanism ?? new(), delta, shards);

    /// <summary>d.</summary>
    public required int KeyDimension { get; init; }

    /// <summary>dv.</summary>
    public required int ValueDimension { get; init; }

    /// <summary>Where keys may lie.</summary>
    public required RegionBound Keys { get; init; }

    /// <summary>Where queries may lie; null for the same as keys.</summary>
    public RegionBound? Queries { get; init; }

    /// <summary>How large a value may be.</summary>
    public required ValueBoundStatement Values { get; init; }

    /// <summary>The factor in exp(scale &lt;q, k&gt;); null for 1/d.</summary>
    public double? Scale { get; init; }

    /// <summary>replace-one or add-remove.</summary>
    public string Adjacency { get; init; }

    /// <summary>The mechanism.</summary>
    public MechanismDefinition Mechanism { get; init; }

    /// <summary>The store's delta, of every epsilon of the store.</summary>
    public double Delta { get; init; }

    /// <summary>Strictly increasing: the epsilons of the tiers of a release; under per-query the epsilons that an answer may be bought at.</summary>
    public required IReadOnlyList<double> Ladder { get; init; }

    /// <summary>The limit of all users together, in epsilon.</summary>
    public required double Limit { get; init; }

    /// <summary>Rows (replace-one) or slots (add-remove) at most.</summary>
    public required long Capacity { get; init; }

    /// <summary>Under add-remove, a publicly stated number of rows, for estimates; never the exact one.</summary>
    public long? PublicRows { get; init; }

    /// <summary>Shards.</summary>
    public int Shards { get; init; }
}

/// <summary>A store as its owner and its users see it.</summary>
public sealed record StoreDescription
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its incarnation: deleting and making anew gives another.</summary>
    public required string Incarnation { get; init; }

    /// <summary>active or deleted.</summary>
    public required string State { get; init; }

    /// <summary>The definition, defaults filled in.</summary>
    public required StoreDefinition Definition { get; init; }

    /// <summary>Public count of slots: under replace-one the rows.</summary>
    public required long Slots { get; init; }

    /// <summary>Committed batches.</summary>
    public required long Batches { get; init; }

    /// <summary>Releases, the newest last.</summary>
    public required IReadOnlyList<ReleaseDescription> Releases { get; init; }
}
