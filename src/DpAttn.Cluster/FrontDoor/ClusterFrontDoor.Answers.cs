using System.Text;
using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

internal sealed partial class ClusterFrontDoor
{
    // Ids of requests that the cluster makes itself begin with it; callers' must not.
    private const string OwnRequests = "dpattn:";

    public Task<AttendResult> AttendAsync(Principal caller, string store, AttendCommand command, CancellationToken cancellationToken = default) =>
        instruments.Attend.RunAsync(run => AttendAsync(run, caller, store, command, cancellationToken));

    private async Task<AttendResult> AttendAsync(TimedOperation.Run run, Principal caller, string store, AttendCommand command, CancellationToken cancellationToken)
    {
        if (caller.Role == Roles.Operator)
            throw new ProblemException(ProblemCodes.Forbidden, "an operator asks nothing; use a key of role user");
        var view = await directory.FindAsync(store, cancellationToken) ?? throw NoSuchStore();
        run.Label(Labels.Mechanism, view.Document.Definition.Mechanism.Name);
        var entitlement = await EntitlementAsync(view, caller.Account, isFresh: false, cancellationToken)
            ?? throw (await MaySeeAsync(caller, view.Document, cancellationToken)
                ? new ProblemException(ProblemCodes.Forbidden, "asking needs a grant: let the owner set a budget for this account")
                : NoSuchStore());
        // All that can be wrong with a request is found before it is charged.
        QueryCheck.RequireSize(view.Schema, command.Queries.Rows, options);
        QueryCheck.Require(view.Schema, command.Queries, command.Clip);
        BlockRanges.Require(view.Model, command.Rows);
        if (command.RequestId is { } key)
            RequireRequestId(key);
        if (view.Model is PerQueryModel model)
            return await BuyAsync(view, model, caller.Account, entitlement, command, cancellationToken);
        var opened = await OpenAsync(view, caller.Account, entitlement, command, cancellationToken);

        // From here on the tier is durably paid for.
        var blocks = BlockRanges.Covered(opened.Choice.Release, command.Rows);
        // A continual release may grow while its answers are computed in pieces: all are of the same blocks.
        var answers = await AnswerAsync(opened.Store, opened.Choice, opened.Choice.Release.Continual is null ? command : command with { Rows = blocks }, cancellationToken);
        var record = new PrivacyRecord(
            opened.Choice.Tier,
            opened.Store.LadderOf(opened.Choice.Release).Tiers[opened.Choice.Tier].Epsilon.Value,
            view.Delta.Value,
            opened.Charged,
            opened.Entitlement.Spent,
            opened.Entitlement.Remaining,
            opened.IsReplay,
            opened.Choice.Release.Id);
        return new AttendResult(answers, record, blocks);
    }

    public async Task<EstimateResponse> EstimateAsync(Principal caller, string store, EstimateRequest request, CancellationToken cancellationToken = default)
    {
        var view = await VisibleAsync(caller, store, fresh: true, cancellationToken);
        var rows = request.Rows ?? PublicRows(view);
        if (rows < 1)
            throw new ProblemException(ProblemCodes.InvalidRequest, "rows must be at least 1; state rows, since the store has no public count yet");
        if (request is { Epsilon: not null, Error: not null })
            throw new ProblemException(ProblemCodes.InvalidRequest, "state epsilon or error, not both");
        if (request.Queries is not null && view.Model is not PerQueryModel)
            throw new ProblemException(ProblemCodes.InvalidRequest, "queries belongs to per-query stores: from a release any number of queries has the same error");
        var queries = request.Queries ?? 1;
        try
        {
            if (request.Epsilon is { } epsilon)
                return new EstimateResponse(rows, [ToLine(null, view.Model.ErrorAt(rows, Epsilon.Budget(epsilon), queries))]);
            if (request.Error is { } error)
                return new EstimateResponse(rows, [ToLine(null, view.Model.EpsilonFor(rows, error, queries))]);
            return new EstimateResponse(
                rows,
                [.. view.Document.Definition.Ladder.Select((tier, t) => ToLine(t, view.Model.ErrorAt(rows, Epsilon.Budget(tier), queries)))]);
        }
        catch (ArgumentException e)
        {
            throw SchemaFactory.Invalid(e);
        }
    }

    /// <summary>Answers in pieces, so that neither a message nor a turn grows with the batch.</summary>
    private async Task<AttentionAnswer[]> AnswerAsync(StoreView store, TierChoice choice, AttendCommand command, CancellationToken cancellationToken)
    {
        var grain = grains.GetGrain<IAttentionGrain>(store.Id.Value);
        var queries = command.Queries;
        var answers = new AttentionAnswer[queries.Rows];
        var size = AnswerBatches.QueriesPerCall(store.Released);
        for (var start = 0; start < answers.Length; start += size)
        {
            var count = Math.Min(size, answers.Length - start);
            var numbers = count == queries.Rows ? queries.Data : queries.Data.AsSpan(start * queries.Columns, count * queries.Columns).ToArray();
            // A call takes milliseconds at most: carrying a token to the grain would cost more than it could save.
            cancellationToken.ThrowIfCancellationRequested();
            var batch = await grain.AnswerAsync(new AnswerCommand(choice.Release.Id, choice.Tier, count, numbers, command.Clip, command.Rows?.From, command.Rows?.To), CancellationToken.None)
                .WithinAsync(options.CallDeadline, ProblemCodes.ShardUnavailable, cancellationToken);
            AnswerBatches.CopyTo(batch, answers.AsSpan(start, count));
        }
        return answers;
    }

    private ValueTask<Entitlement?> EntitlementAsync(StoreView store, AccountId account, bool isFresh, CancellationToken cancellationToken) =>
        entitlements.GetAsync(store, account, isFresh, () =>
            BudgetGrain(store, account).GetAsync(cancellationToken).WithinAsync(options.CallDeadline, ProblemCodes.LedgerUnavailable, cancellationToken));

    /// <summary>The tier that answers, opened and charged first where the command says so.</summary>
    private async Task<PaidTier> OpenAsync(StoreView store, AccountId account, Entitlement entitlement, AttendCommand command, CancellationToken cancellationToken)
    {
        var open = TierChoice.TrySelect(store, entitlement.State, command) is { MustOpen: false } held
            ? new PaidTier(store, held, entitlement, Charged: 0, IsReplay: false)
            : null;
        try
        {
            if (command.RequestId is { } key && command.MayOpen && await ReplayAsync(store, account, entitlement, key, command, cancellationToken) is { } replay)
                return replay;
        }
        catch (ProblemException e) when (open is not null && e.Code is ProblemCodes.LedgerUnavailable or ProblemCodes.LedgerClosed)
        {
            // Whether it is a replay cannot be told now; it is paid for either way.
        }
        if (open is not null)
            return open;

        // Before anything is charged or refused: what was published, retired or opened elsewhere since this silo last looked.
        store = await directory.ReadAsync(store.Id, cancellationToken) is { Document.State: StoreDocument.Active } now ? now : throw NoSuchStore();
        entitlement = await EntitlementAsync(store, account, isFresh: true, cancellationToken) ?? throw NoSuchStore();
        var choice = TierChoice.Select(store, entitlement.State, command);
        return choice.MustOpen
            ? await ChargeAsync(store, account, entitlement, choice, command, cancellationToken)
            : new PaidTier(store, choice, entitlement, Charged: 0, IsReplay: false);
    }

    private async Task<PaidTier> ChargeAsync(StoreView store, AccountId account, Entitlement entitlement, TierChoice choice, AttendCommand command, CancellationToken cancellationToken)
    {
        // Without a key of the caller's the request is named by what it opens: however often it is sent, it is charged once.
        var request = command.RequestId ?? $"{OwnRequests}open:{choice.Release.Id}:{choice.Tier}";
        var content = command.RequestId is null ? Encoding.ASCII.GetBytes(request) : RequestContent.Of(command);
        var (epoch, asked) = (generation.Epoch, clock.GetTimestamp());
        var outcome = await BudgetGrain(store, account)
            .OpenAsync(new OpenCommand(request, content, choice.Release.Id, choice.Tier), cancellationToken)
            .ChargedWithinAsync(options.CallDeadline, cancellationToken);
        if (outcome.Refusal is { } refusal)
            throw Refusals.Of(store, outcome.Account ?? entitlement.State, choice, refusal, outcome);
        var state = outcome.Account ?? (outcome.IsReplay ? entitlement.State : entitlement.State.After(choice.Release.Id, choice.Tier, outcome.Amount));
        entitlement = entitlements.Keep(store, account, state, epoch, asked);
        // Its twin was faster, and may have been decided on another tier.
        if (outcome.IsReplay && command.RequestId is { } key && await ReplayAsync(store, account, entitlement, key, command, cancellationToken) is { } twin)
            return twin;
        return new PaidTier(store, choice, entitlement, Refusals.ToEpsilon(store, choice, outcome.Amount), outcome.IsReplay);
    }

    /// <summary>What the ledger recorded under a key: a retry is answered from the tier that the first one opened, at no cost.</summary>
    private async Task<PaidTier?> ReplayAsync(StoreView store, AccountId account, Entitlement entitlement, string key, AttendCommand command, CancellationToken cancellationToken)
    {
        var recorded = await BudgetGrain(store, account).FindAsync(key, cancellationToken).WithinAsync(options.CallDeadline, ProblemCodes.LedgerUnavailable, cancellationToken);
        if (recorded is null)
            return null;
        if (recorded.Fingerprint != RequestFingerprint.Of(RequestContent.Of(command)).Hex || recorded.Release is null || recorded.Tier is null)
            throw new ProblemException(ProblemCodes.RequestConflict, "this idempotency key was used for another request; nothing was charged");
        // Opened on another silo, of a release that this one has not heard of yet.
        if (store.Release(recorded.Release) is not { State: ReleaseDocument.Published })
            store = await directory.ReadAsync(store.Id, cancellationToken) is { Document.State: StoreDocument.Active } now ? now : throw NoSuchStore();
        var choice = new TierChoice(TierChoice.Published(store, recorded.Release), recorded.Tier.Value, MustOpen: false);
        return new PaidTier(store, choice, entitlement, Charged: 0, IsReplay: true);
    }

    private static long PublicRows(StoreView store) =>
        store.Document.Definition.Adjacency == SchemaFactory.AddRemove ? store.Document.Definition.PublicRows ?? 0 : store.Document.Slots;

    private static EstimateLine ToLine(int? tier, ErrorEstimate estimate) => new(
        estimate.Epsilon.Value,
        estimate.Delta.Value,
        estimate.TypicalNoise,
        estimate.KernelErrorBound,
        tier,
        double.IsFinite(estimate.WorstNoise) ? estimate.WorstNoise : null);

    private static ProblemException NoSuchStore() => new(ProblemCodes.NotFound, "no such store");
}
