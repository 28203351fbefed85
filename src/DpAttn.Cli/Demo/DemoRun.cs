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
internal sealed class DemoRun(DemoData data, MomentParameters parameters, Epsilon epsilon, PrivacyLimit limit, bool clip, int repeats, int threads, ProgressBars progress)
{
    private static readonly AccountId User = new("demo-user");
    private static readonly ReleaseId Release = new("release-1");

    public (DemoReport Report, DemoDetails Details) Run()
    {
        var ladder = MomentRelease.Calibrate(parameters, [new Epsilon(epsilon.Value / 4), new Epsilon(epsilon.Value / 2), epsilon], limit.Delta);

        var start = Stopwatch.GetTimestamp();
        var rows = Attention.IO.FloatMatrix.ToRows(data.Keys, data.Values);
        var exactSums = progress.Run("summing rows", rows.Count, report => MomentAccumulator.Sum(parameters, rows, clip, threads, report));
        var release = MomentRelease.Publish(exactSums, ladder, ReleaseKey.NewSecret(), threads);
        var publishSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;

        // Every query is checked before anything is charged.
        var comparison = progress.Run("exact attention", 1, _ => new Comparison(data, parameters, exactSums, threads, clip));

        var ledger = new PrivacyLedger(limit.Amount);
        ledger.AddRelease(Release, ladder);
        ledger.SetLimit(User, limit.Amount);
        var before = Budget(ledger);
        Open(ledger, ladder.Best);
        var opened = Budget(ledger);

        var answerer = new MomentAnswerer(release.Tiers[ladder.Best]);
        var answers = answerer.Answer(data.Queries, clip);
        comparison.Add(answers, answerer.MeanValue);
        if (repeats > 1)
            progress.Run("repeating with throw-away secrets", repeats - 1, report => Repeat(comparison, exactSums, ladder, report));

        var report = new DemoReport
        {
            Rows = rows.Count,
            KeyDimension = parameters.Schema.KeyDimension,
            ValueDimension = parameters.Schema.ValueDimension,
            Mechanism = MomentRelease.Mechanism,
            Features = parameters.Features,
            Epsilon = epsilon.Value,
            Delta = limit.Delta.Value,
            Adjacency = SchemaOptions.Name(parameters.Schema.Adjacency),
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
            Budget = Budget(ledger),
        };
        return (report, new DemoDetails
        {
            Scale = parameters.Schema.Scale,
            Degree = parameters.Kernel.Degree,
            Ladder = [.. ladder.Tiers.Select(tier => tier.Epsilon.Value)],
            Repeats = repeats,
            Queries = data.Queries.Rows,
            IsMade = data.IsMade,
            BudgetBefore = before,
            BudgetOpened = opened,
        });
    }

    /// <summary>The second and later publishes: nobody is given anything of them but figures for the owner.</summary>
    private int Repeat(Comparison comparison, MomentMatrix exactSums, NoiseLadder ladder, IProgress<long>? done)
    {
        for (var i = 1; i < repeats; i++)
        {
            var thrownAway = new MomentAnswerer(MomentRelease.Publish(exactSums, ladder, ReleaseKey.NewSecret(), threads).Tiers[ladder.Best]);
            comparison.Add(thrownAway.Answer(data.Queries, clip), thrownAway.MeanValue);
            done?.Report(1);
        }
        return repeats;
    }

    private void Open(PrivacyLedger ledger, int tier)
    {
        var decision = ledger.Open(User, new RequestId("open-1"), RequestFingerprint.Of("open the best tier of release-1"u8), Release, tier);
        if (decision is LedgerDecision.Refused refused)
        {
            var stated = $"the user's limit of epsilon {Numbers.Short(limit.Epsilon.Value)} at delta {Numbers.Short(limit.Delta.Value)}";
            var price = refused.Requested is { } requested ? PrivacyLimit.ToEpsilon(requested, limit.Delta) : epsilon;
            throw new RefusedByBudgetException(refused is { ShortBy: { MuSquared: 0 } }
                ? $"{stated} has no room for the slack of this release's discrete noise; nothing was charged"
                : $"{stated} does not admit a tier of epsilon {Numbers.Short(price.Value)}; nothing was charged");
        }
    }

    private BudgetReport Budget(PrivacyLedger ledger)
    {
        var spent = ledger.Spent(User);
        return new BudgetReport(
            limit.Epsilon.Value,
            PrivacyLimit.ToEpsilon(spent, limit.Delta).Value,
            PrivacyLimit.ToAffordableEpsilon(ledger.Limit(User)!.Value - spent, limit.Delta).Value);
    }

    private double TimeQueries(MomentAnswerer answerer) =>
        QueryTimer.MedianMicros(data.Queries.Rows, q => answerer.Answer(data.Queries.Row(q), clip));
}
