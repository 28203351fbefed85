using DpAttn.Attention;

namespace DpAttn.Cluster;

/// <summary>The next block as it could be frozen: its content, and how far the release has grown with it.</summary>
/// <param name="Read">The release as it was looked at: any erasure, closing or freeze since makes the plan void.</param>
/// <param name="Manifest">What noise is bound to.</param>
/// <param name="Bytes">The content.</param>
/// <param name="After">The state once it is frozen.</param>
internal sealed record BlockPlan(Versioned<ReleaseDocument> Read, BlockManifest Manifest, byte[] Bytes, ContinualState After)
{
    public string Content => Convert.ToHexStringLower(Manifest.Rows);
}
