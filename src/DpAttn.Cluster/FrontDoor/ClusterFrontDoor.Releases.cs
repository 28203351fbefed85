using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

internal sealed partial class ClusterFrontDoor
{
    private static readonly TimeSpan ProgressPatience = TimeSpan.FromSeconds(1);

    private static readonly string[] NotProtected =
    [
        "the queries, which the service sees in the clear",
        "the number of slots, the batches and the times at which they came",
        "that a row was refused, and which: its owner is told",
        "a person whose data stands in several rows or stores: k rows at mu are k mu",
        "users who pool what they learned: together they have the best tier opened of each release",
        "rows at rest, which are as safe as the database",
        "the time that a query takes",
    ];

    public async Task<ReleaseDescription> PublishAsync(Principal caller, string store, PublishRequest request, string? requestId, CancellationToken cancellationToken = default)
    {
        var owned = await OwnedAsync(caller, store, cancellationToken);
        if (requestId is not null)
            RequireRequestId(requestId);
        try
        {
            if (request.Ladder is { } ladder)
                _ = owned.LadderOf(ladder);
        }
        catch (ArgumentException e)
        {
            throw SchemaFactory.Invalid(e);
        }
        var id = await StoreGrain(owned)
            .PublishAsync(new PublishCommand(caller.Account.Value, request.Ladder is null ? null : [.. request.Ladder], requestId), cancellationToken)
            .WithinAsync(options.CallDeadline, ProblemCodes.ShardUnavailable, cancellationToken);
        SeeItAtOnce();
        return await GetReleaseAsync(caller, store, id, cancellationToken);
    }

    public async Task<ReleaseDescription> GetReleaseAsync(Principal caller, string store, string release, CancellationToken cancellationToken = default)
    {
        var visible = await VisibleAsync(caller, store, fresh: true, cancellationToken);
        return await DescribeAsync(visible, Find(visible, release), cancellationToken);
    }

    public async Task<IReadOnlyList<ReleaseDescription>> ListReleasesAsync(Principal caller, string store, CancellationToken cancellationToken = default) =>
        (await GetStoreAsync(caller, store, cancellationToken)).Releases;

    public async Task RetireReleaseAsync(Principal caller, string store, string release, CancellationToken cancellationToken = default)
    {
        var owned = await OwnedAsync(caller, store, cancellationToken);
        await StoreGrain(owned).RetireAsync(Find(owned, release).Id, caller.Account.Value, cancellationToken).WithinAsync(options.CallDeadline, ProblemCodes.ShardUnavailable, cancellationToken);
        SeeItAtOnce();
    }

    public async Task<ReleaseDescription> CloseBlockAsync(Principal caller, string store, string release, CloseBlockRequest request, CancellationToken cancellationToken = default)
    {
        var owned = await OwnedAsync(caller, store, cancellationToken);
        if (request.Block < 0)
            throw new ProblemException(ProblemCodes.InvalidRequest, "block is counted from 0");
        await StoreGrain(owned).CloseBlockAsync(Find(owned, release).Id, request.Block, caller.Account.Value, cancellationToken).WithinAsync(options.CallDeadline, ProblemCodes.ShardUnavailable, cancellationToken);
        return await GetReleaseAsync(caller, store, release, cancellationToken);
    }

    public async Task<PrivacyStatement> GetPrivacyStatementAsync(Principal caller, string store, string release, CancellationToken cancellationToken = default)
    {
        var visible = await VisibleAsync(caller, store, fresh: false, cancellationToken);
        var found = visible.Release(release) ?? Find(await VisibleAsync(caller, store, fresh: true, cancellationToken), release);
        return visible.Released.Describe(new PrivacyClaim(visible.Document, found, visible.LadderOf(found), NotProtected));
    }

    private async Task<ReleaseDescription> DescribeAsync(StoreView store, ReleaseDocument release, CancellationToken cancellationToken)
    {
        var progress = 0.0;
        if (release.State == ReleaseDocument.Publishing)
        {
            try
            {
                progress = await grains.GetGrain<ICoordinatorGrain>(GrainKey.Of(store.Id, release.Id)).GetProgressAsync()
                    .WithinAsync(ProgressPatience, ProblemCodes.ShardUnavailable, cancellationToken);
            }
            catch (ProblemException)
            {
                // Progress is a courtesy; the state is what counts, and it was read.
            }
        }
        return store.Describe(release, progress);
    }

    private static ReleaseDocument Find(StoreView store, string release) =>
        store.Release(release) ?? throw new ProblemException(ProblemCodes.NotFound, "the store has no such release");

    private static void RequireRequestId(string requestId)
    {
        try
        {
            _ = new RequestId(requestId);
        }
        catch (ArgumentException)
        {
            throw new ProblemException(ProblemCodes.InvalidRequest, "an Idempotency-Key has 1 to 128 printable ASCII characters without spaces");
        }
        if (requestId.StartsWith(OwnRequests, StringComparison.Ordinal))
            throw new ProblemException(ProblemCodes.InvalidRequest, $"an Idempotency-Key does not begin with {OwnRequests}: such ids are the cluster's own");
    }
}
