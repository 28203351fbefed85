using DpAttn.Contracts;

namespace DpAttn.Testing;

internal sealed partial class FakeStore
{
    public ReleaseDescription CloseBlock(string id, long block)
    {
        var release = Release(id);
        var growth = release.Growth ?? throw FakeDpAttentionClient.Failure(ProblemCodes.Conflict, 409, $"release {id} is of all rows at once: only a continual store has blocks to close");
        if (release.IsRetired)
            throw FakeDpAttentionClient.Failure(ProblemCodes.ReleaseRetired, 410, $"release {id} is retired");
        growth.Close(block);
        return release.Describe();
    }

    private bool IsContinual => _tree is { IsContinual: true };

    /// <summary>The release that grows with the store, or null.</summary>
    private FakeRelease? Growing => _releases.Find(release => release is { Growth: not null, IsRetired: false });

    /// <summary>Blocks of all rows so far.</summary>
    private FakeGrowth Grown()
    {
        var growth = new FakeGrowth(_tree!);
        growth.Append(Rows);
        return growth;
    }

    private void RequireRoom(int rows)
    {
        if (!IsContinual)
            return;
        try
        {
            (Growing?.Growth ?? Grown()).Require(rows);
        }
        catch (ArgumentException e)
        {
            throw FakeDpAttentionClient.Failure(ProblemCodes.InvalidRequest, 400, e.Message);
        }
    }

    /// <summary>The rows in the batches before one.</summary>
    private long PlaceOf(string batch) => _batches.TakeWhile(known => known.Key != batch).Sum(known => (long)known.Value.Rows);
}
