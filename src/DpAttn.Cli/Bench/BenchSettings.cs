using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Cli.Bench;

/// <summary>What every point of a measurement shares.</summary>
internal sealed record BenchSettings
{
    public required int Degree { get; init; }

    /// <summary>Of the moment tree; the distance-tree's polynomial is Taylor's.</summary>
    public required KernelMethod Kernel { get; init; }

    public required double Alpha { get; init; }

    public required int GridCells { get; init; }

    public required int Copies { get; init; }

    public required Delta Delta { get; init; }

    /// <summary>Releases of the same sums, each with a secret of its own.</summary>
    public required int Draws { get; init; }

    /// <summary>Makes the secrets reproducible; null for fresh ones.</summary>
    public required int? Seed { get; init; }

    public required int Threads { get; init; }
}
