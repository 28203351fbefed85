using System.Diagnostics;
using DpAttn.Attention;
using DpAttn.Cli.Commands;
using DpAttn.Cli.Output;
using DpAttn.Privacy;

namespace DpAttn.Cli.Demo;

/// <summary>
/// The whole main job in one process: sum the rows exactly, publish at a ladder, grant a user a budget, open the best tier against
/// it, ask, and compare with exact attention.
/// </summary>
internal sealed class DemoRun(DemoData data, MomentParameters parameters, Epsilon epsilon, Delta delta, Epsilon limit, bool clip, int repeats, int threads, ProgressBars progress)
{
    private static readonly AccountId User = new("demo-user");
    private static readonly ReleaseId Release = new("release-1");

    public DemoReport Run()
    {
        var ladder = MomentRelease.Calibrate(parameters, [new Epsilon(epsilon.Value / 4), new Epsilon(epsilon.Value / 2), epsilon], delta);
        var budget = new PrivacyLimit(limit, delta);

        var start = Stopwatch.GetTimestamp();
        var rows = Attention.IO.FloatMatrix.ToRows(data.Keys, data.Values);
        var exactSums = progress.Run("summing rows", rows.Count, report => MomentAccumulator.Sum(parameters, rows, clip, threads, report));
        var release = MomentRelease.Publish(exactSums, ladder, ReleaseKey.NewSecret(), threads);
        var publishSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;

        var ledger = new PrivacyLedger(budget.Amount);
        ledger.AddRelease(Release, ladder);
        ledger.SetLimit(User, budget.Amount);
        var before = Budget(ledger, limit);
        Open(ledger, ladder.Best);

        var answerer = new MomentAnswerer(release.Tiers[ladder.Best]);
        var answers = answerer.Answer(data.Queries, clip);
        var comparison = new Comparison(data, parameters, exactSums, threads, clip);
        comparison.Add(answers, answerer.MeanValue);
        progress.Run("repeating with throw-away secrets", repeats - 1, report =>
        {
            for (var i = 1; i < repeats; i++)
            {
                var thrownAway = new MomentAnswerer(MomentRelease.Publish(exactSums, ladder, ReleaseKey.NewSecret(), threads).Tiers[ladder.Best]);
                comparison.Add(thrownAway.Answer(data.Queries, clip), thrownAway.MeanValue);
                report?.Report(1);
            }
            return repeats;
        });

        return new DemoReport
        {
            Rows = rows.Count,
            KeyDimension = parameters.Schema.KeyDimension,
            ValueDimension = parameters.Schema.ValueDimension,
            Mechanism = MomentRelease.Mechanism,
            Features = parameters.Features,
            Epsilon = epsilon.Value,
            Delta = delta.Value,
            Adjacency = SchemaOptions.Name(parameters.Schema.Adjacency),
            Scale = parameters.Schema.Scale,
            Degree = parameters.Kernel.Degree,
            Repeats = repeats,
            Queries = data.Queries.Rows,
            SignalRms = comparison.SignalRms,
            Rmse = comparison.Rmse,
            RmseNoiseOnly = comparison.RmseNoiseOnly,
            PredictedNoiseRms = comparison.PredictedNoiseRms,
            KernelErrorBound = answers[0].KernelErrorBound,
            Interval95Coverage = comparison.Coverage,
            IndistinguishableShare = comparison.IndistinguishableShare,
            Top1Exact = comparison.Top1Exact,
            Top1Private = comparison.Top1Private,
            QueryMicrosMedian = TimeQueries(answerer),
            ExactQueryMicrosMedian = comparison.TimeExactQueries(),
            PublishSeconds = publishSeconds,
            Budget = Budget(ledger, limit),
            BudgetBefore = before,
            Ladder = [.. ladder.Tiers.Select(tier => tier.Epsilon.Value)],
            IsMade = data.IsMade,
        };
    }

    private void Open(PrivacyLedger ledger, int tier)
    {
        var decision = ledger.Open(User, new RequestId("open-1"), RequestFingerprint.Of("open the best tier of release-1"u8), Release, tier);
        if (decision is LedgerDecision.Refused refused)
        {
            var price = refused.Requested is { } requested ? PrivacyLimit.ToEpsilon(requested, delta).Value : epsilon.Value;
            throw new RefusedByBudgetException(refused is { ShortBy: { MuSquared: 0 } }
                ? $"the user's limit of epsilon {limit} at delta {delta} has no room for the slack of this release's discrete noise; nothing was charged"
                : $"the user's limit of epsilon {limit} at delta {delta} does not admit a tier of epsilon {Numbers.Short(price)}; nothing was charged");
        }
    }

    private BudgetReport Budget(PrivacyLedger ledger, Epsilon stated)
    {
        var spent = ledger.Spent(User);
        return new BudgetReport(
            stated.Value,
            PrivacyLimit.ToEpsilon(spent, delta).Value,
            PrivacyLimit.ToAffordableEpsilon(ledger.Limit(User)!.Value - spent, delta).Value);
    }

    private double TimeQueries(MomentAnswerer answerer) =>
        QueryTimer.MedianMicros(data.Queries.Rows, q => answerer.Answer(data.Queries.Row(q), clip));
}
