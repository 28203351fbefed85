using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>Which blocks a request may attend to: found out before anything is charged for it.</summary>
internal static class BlockRanges
{
    /// <summary>What can be told of a range without a release.</summary>
    /// <exception cref="ProblemException">invalid_request: the store has no blocks, or no range has these ends.</exception>
    public static void Require(StoreModel model, BlockRange? rows)
    {
        if (rows is null)
            return;
        if (model is not TreeModel)
            throw Invalid("rows belongs to stores of mechanism moment-tree whose levels are all: this store's answers are about all its rows; leave rows out");
        if (rows.From < 0 || rows.From >= rows.To)
            throw Invalid($"rows: a range of blocks runs from a block to a later one, counted from 0; from {rows.From} to {rows.To} holds none");
    }

    /// <summary>Refuses a range that leaves the blocks of a release.</summary>
    /// <exception cref="ProblemException">invalid_request: names the bound.</exception>
    public static void Require(ReleaseDocument release, BlockRange? rows)
    {
        if (rows is not null && rows.To > (release.CoveredBlocks ?? 0))
            throw Invalid($"rows: release {release.Id} has blocks 0 to {release.CoveredBlocks - 1}, so to is at most {release.CoveredBlocks}, not {rows.To}");
    }

    /// <summary>
    /// The blocks that an answer covers; null where a release has none. Of a continual release they are those that were released when this silo last looked, at most a poll of the
    /// generation ago: what came since is in the next answer.
    /// </summary>
    public static BlockRange? Covered(ReleaseDocument release, BlockRange? rows) => release.CoveredBlocks is { } blocks ? rows ?? new BlockRange(0, blocks) : null;

    private static ProblemException Invalid(string why) => new(ProblemCodes.InvalidRequest, why);
}
