using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

internal sealed partial class ClusterFrontDoor
{
    public async Task<AttendResult> AttendAsync(Principal caller, string store, AttendCommand command, CancellationToken cancellationToken = default)
    {
        var view = await directory.FindAsync(store, cancellationToken) ?? throw NoSuchStore();
        var entitlement = await EntitlementAsync(view, caller.Account, cancellationToken)
            ?? throw (await MaySeeAsync(caller, view.Document, cancellationToken)
                ? new ProblemException(ProblemCodes.Forbidden, "asking needs a grant: let the owner set a budget for this account")
                : NoSuchStore());
        RequireQueries(view, command.Queries);
        var (choice, charge) = await ChooseAsync(view, caller.Account, entitlement, command, cancellationToken);
        if (charge.Entitlement is { } renewed)
            entitlement = renewed;

        // From here on the tier is durably paid for.
        var batch = await grains.GetGrain<IAttentionGrain>(view.Id.Value)
            .AnswerAsync(new AnswerCommand(choice.Release.Id, choice.Tier, command.Queries.Rows, command.Queries.Data, command.Clip), cancellationToken)
            .WithinAsync(options.CallDeadline, isCharge: false, cancellationToken);
        var record = new PrivacyRecord(
            choice.Release.Id,
            choice.Tier,
            view.Ladders[choice.Release.Id].Tiers[choice.Tier].Epsilon.Value,
            view.Delta.Value,
            charge.Epsilon,
            entitlement.Spent,
            entitlement.Remaining,
            charge.IsReplay);
        return new AttendResult(AnswerBatches.ToAnswers(batch), record);
    }

    public async Task<EstimateResponse> EstimateAsync(Principal caller, string store, EstimateRequest request, CancellationToken cancellationToken = default)
    {
        var view = await VisibleAsync(caller, store, fresh: true, cancellationToken);
        var rows = request.Rows ?? PublicRows(view);
        if (rows < 1)
            throw new ProblemException(ProblemCodes.InvalidRequest, "rows must be at least 1; state rows, since the store has no public count yet");
        if (request is { Epsilon: not null, Error: not null })
            throw new ProblemException(ProblemCodes.InvalidRequest, "state epsilon or error, not both");
        try
        {
            if (request.Epsilon is { } epsilon)
                return new EstimateResponse(rows, [ToLine(null, MomentEstimator.ErrorAt(view.Parameters, rows, Epsilon.Budget(epsilon), view.Delta))]);
            if (request.Error is { } error)
                return new EstimateResponse(rows, [ToLine(null, MomentEstimator.EpsilonFor(view.Parameters, rows, error, view.Delta))]);
            return new EstimateResponse(
                rows,
                [.. view.Document.Definition.Ladder.Select((tier, t) => ToLine(t, MomentEstimator.ErrorAt(view.Parameters, rows, Epsilon.Budget(tier), view.Delta)))]);
        }
        catch (ArgumentException e)
        {
            throw SchemaFactory.Invalid(e);
        }
    }

    private ValueTask<Entitlement?> EntitlementAsync(StoreView store, AccountId account, CancellationToken cancellationToken) =>
        _entitlements.GetAsync((store.Id, account), async _ =>
            await BudgetGrain(store, account).GetAsync(cancellationToken).WithinAsync(options.CallDeadline, isCharge: false, cancellationToken) is { } state
                ? new Entitlement(state, store.Delta)
                : null);

    /// <summary>The tier that answers, opened and charged first where the command says so.</summary>
    private async Task<(TierChoice Choice, Charge Charge)> ChooseAsync(StoreView store, AccountId account, Entitlement entitlement, AttendCommand command, CancellationToken cancellationToken)
    {
        var mayOpen = command.Tier is not null || command.MaxEpsilon is not null;
        if (command.RequestId is { } key)
        {
            RequireRequestId(key);
            if (mayOpen && await ReplayAsync(store, account, key, command, cancellationToken) is { } replay)
                return replay;
        }
        var choice = TierChoice.Select(store, entitlement.State, command);
        if (!choice.MustOpen)
            return (choice, Charge.None);
        // Without a key of the caller's the request is named by what it opens: however often it is sent, it is charged once.
        var request = command.RequestId ?? $"open:{choice.Release.Id}:{choice.Tier}";
        var content = command.RequestId is null ? Encoding.ASCII.GetBytes(request) : Content(command);
        var outcome = await BudgetGrain(store, account)
            .OpenAsync(new OpenCommand(request, content, choice.Release.Id, choice.Tier), cancellationToken)
            .WithinAsync(options.CallDeadline, isCharge: true, cancellationToken);
        if (outcome.Refusal is { } refusal)
        {
            Renew(store, account, outcome.Account);
            throw Refusal(store, entitlement.State, choice, refusal, outcome);
        }
        if (outcome.IsReplay && command.RequestId is { } raced && await ReplayAsync(store, account, raced, command, cancellationToken) is { } twin)
            return twin;
        return (choice, new Charge(ToEpsilon(store, outcome.Amount), outcome.IsReplay, Renew(store, account, outcome.Account)));
    }

    /// <summary>What the ledger recorded under a key: a retry is answered from the tier that the first one opened, at no cost.</summary>
    private async Task<(TierChoice, Charge)?> ReplayAsync(StoreView store, AccountId account, string key, AttendCommand command, CancellationToken cancellationToken)
    {
        var recorded = await BudgetGrain(store, account).FindAsync(key, cancellationToken).WithinAsync(options.CallDeadline, isCharge: false, cancellationToken);
        if (recorded is null)
            return null;
        if (recorded.Fingerprint != RequestFingerprint.Of(Content(command)).Hex || recorded.Release is null || recorded.Tier is null)
            throw new ProblemException(ProblemCodes.RequestConflict, "this idempotency key was used for another request; nothing was charged");
        var choice = new TierChoice(TierChoice.Published(store, recorded.Release), recorded.Tier.Value, MustOpen: false);
        return (choice, new Charge(0, IsReplay: true, null));
    }

    private Entitlement? Renew(StoreView store, AccountId account, AccountState? state)
    {
        _entitlements.Remove((store.Id, account));
        if (state is null)
            return null;
        var renewed = new Entitlement(state, store.Delta);
        _entitlements.Set((store.Id, account), renewed, generation.Epoch);
        return renewed;
    }

    private static ProblemException Refusal(StoreView store, AccountState account, TierChoice choice, RefusalReason reason, ChargeOutcome outcome)
    {
        switch (reason)
        {
            case RefusalReason.AccountLimit:
                // The totals that the decision was made on, not what was cached before.
                var now = outcome.Account ?? account;
                var needed = PrivacyLimit.ToEpsilon(now.Spent + outcome.Amount, store.Delta).Value;
                var shortOfSlackOnly = outcome.Missing is { MuSquared: 0, Slack: > 0 };
                return new ProblemException(
                    ProblemCodes.BudgetExhausted,
                    shortOfSlackOnly
                        ? "the budget has no room for the slack of this release's discrete noise; nothing was charged"
                        : $"the budget does not admit tier {choice.Tier} of release {choice.Release.Id}; nothing was charged")
                {
                    Requested = ToEpsilon(store, outcome.Amount),
                    Remaining = PrivacyLimit.ToAffordableEpsilon(now.Remaining, store.Delta).Value,
                    ShortBy = shortOfSlackOnly ? null : Math.Max(0, needed - now.StatedEpsilon),
                    Delta = store.Delta.Value,
                    Affordable = BestAffordable(store, now, choice.Release),
                };
            case RefusalReason.StoreLimit:
                return new ProblemException(ProblemCodes.BudgetExhausted, "the store's own limit does not admit this; nothing was charged") { Delta = store.Delta.Value };
            case RefusalReason.RequestConflict:
                return new ProblemException(ProblemCodes.RequestConflict, "this idempotency key was used for another request; nothing was charged");
            default:
                return new ProblemException(ProblemCodes.NotFound, "no such store, or no grant");
        }
    }

    private static TierPrice? BestAffordable(StoreView store, AccountState account, ReleaseDocument release)
    {
        var ladder = store.Ladders[release.Id];
        var held = account.TierOf(release.Id);
        for (var tier = ladder.Best; tier >= 0 && !(held >= tier); tier--)
        {
            if (LedgerRules.CostFrom(held, tier, ladder).FitsIn(account.Remaining))
                return TierChoice.Price(store, account, release, tier);
        }
        return null;
    }

    /// <summary>What a request asks for, in one encoding: its retry has the same bytes.</summary>
    private static byte[] Content(AttendCommand command)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.ASCII.GetBytes($"attend 1|{command.Release}|{command.Tier}|{command.MaxEpsilon:R}|{command.Clip}|{command.Queries.Rows}|{command.Queries.Columns}|"));
        var numbers = MemoryMarshal.AsBytes(command.Queries.Data.AsSpan());
        if (BitConverter.IsLittleEndian)
        {
            hash.AppendData(numbers);
        }
        else
        {
            var swapped = new long[command.Queries.Data.Length];
            BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<byte, long>(numbers), swapped);
            hash.AppendData(MemoryMarshal.AsBytes(swapped.AsSpan()));
        }
        return hash.GetHashAndReset();
    }

    private static void RequireQueries(StoreView store, Matrix<double> queries)
    {
        if (queries.Rows == 0)
            throw new ProblemException(ProblemCodes.InvalidRequest, "there are no queries");
        if (queries.Columns != store.Parameters.Schema.KeyDimension)
            throw new ProblemException(ProblemCodes.InvalidRequest, $"queries have {queries.Columns} numbers; the store's keys have {store.Parameters.Schema.KeyDimension}");
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

    private static double ToEpsilon(StoreView store, PrivacyAmount amount) => PrivacyLimit.ToEpsilon(amount, store.Delta).Value;

    private static ProblemException NoSuchStore() => new(ProblemCodes.NotFound, "no such store");

    /// <summary>What a request was charged.</summary>
    private readonly record struct Charge(double Epsilon, bool IsReplay, Entitlement? Entitlement)
    {
        public static Charge None => default;
    }
}
