using System.Diagnostics;
using DpAttn.Attention;
using DpAttn.Cli.Commands;
using DpAttn.Cli.Output;
using DpAttn.Cli.Remote;
using DpAttn.Client;
using DpAttn.Privacy;

namespace DpAttn.Cli.Demo;

/// <summary>
/// The whole main job: a server in this process, rows loaded and published, a user with a budget who opens the best tier and asks. Beside it, for the owner's eyes,
/// what exact attention and the noise-free polynomial say on the same rows.
/// </summary>
internal sealed class DemoRun(DemoData data, MomentParameters parameters, Epsilon epsilon, PrivacyLimit limit, bool clip, int repeats, int threads, ProgressBars progress)
{
    public (DemoReport Report, DemoDetails Details) Run()
    {
        try
        {
            return RunAsync().GetAwaiter().GetResult();
        }
        catch (DpAttentionException failure)
        {
            throw RemoteFaults.Translate(failure);
        }
    }

    private async Task<(DemoReport Report, DemoDetails Details)> RunAsync()
    {
        var ladder = MomentRelease.Calibrate(parameters, [new Epsilon(epsilon.Value / 4), new Epsilon(epsilon.Value / 2), epsilon], limit.Delta);
        RequireRoomForSlack(ladder);
        var rows = Attention.IO.FloatMatrix.ToRows(data.Keys, data.Values);
        // Rows and queries are checked whole before anything is stored or charged; the sums are for the comparison only.
        var exactSums = progress.Run("checking rows", rows.Count, report => MomentAccumulator.Sum(parameters, rows, clip, threads, report));
        var comparison = progress.Run("exact attention", 1, _ => new Comparison(data, parameters, exactSums, threads, clip));

        await using var cluster = await DemoCluster.StartAsync(parameters, [.. ladder.Tiers.Select(tier => tier.Epsilon.Value)], limit).ConfigureAwait(false);
        await progress.RunAsync("loading rows", rows.Count, report => cluster.LoadAsync(data.Keys, data.Values, clip, report)).ConfigureAwait(false);
        var start = Stopwatch.GetTimestamp();
        var release = await cluster.PublishAsync().ConfigureAwait(false);
        var publishSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;

        var before = await cluster.BudgetAsync().ConfigureAwait(false);
        // Answers at the centre of the queries' region: the release's own mean.
        var centre = new Matrix<double>(1, parameters.Schema.KeyDimension, parameters.Schema.Queries.Centre.ToArray());
        var mean = (await AskAsync(cluster, centre, release.Id, ladder.Best).ConfigureAwait(false))[0].Output;
        var opened = await cluster.BudgetAsync().ConfigureAwait(false);
        var answers = await AskAsync(cluster, data.Queries, release.Id, ladder.Best).ConfigureAwait(false);
        comparison.Add(answers, mean);
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
            QueryMicrosMedian = TimeQueries(exactSums, ladder),
            ExactQueryMicrosMedian = comparison.TimeExactQueries(),
            PublishSeconds = publishSeconds,
            Budget = await cluster.BudgetAsync().ConfigureAwait(false),
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

    private void RequireRoomForSlack(NoiseLadder ladder)
    {
        try
        {
            limit.RequireRoomFor(ladder);
        }
        catch (ArgumentException e)
        {
            throw new RefusedByBudgetException($"{e.Message.Split(" (Parameter '")[0]}; nothing was charged");
        }
    }

    private async Task<AttentionAnswer[]> AskAsync(DemoCluster cluster, Matrix<double> queries, string release, int tier)
    {
        try
        {
            return await cluster.AskAsync(queries, release, tier, clip).ConfigureAwait(false);
        }
        catch (PrivacyBudgetExceededException refusal)
        {
            throw new RefusedByBudgetException(
                $"the user's limit of epsilon {Numbers.Short(limit.Epsilon.Value)} at delta {Numbers.Short(limit.Delta.Value)} does not admit a tier of epsilon {Numbers.Short(refusal.Requested ?? epsilon.Value)}; nothing was charged");
        }
    }

    /// <summary>Single queries without HTTP, on a release that is thrown away.</summary>
    private double TimeQueries(MomentMatrix exactSums, NoiseLadder ladder)
    {
        var answerer = new MomentAnswerer(MomentRelease.Publish(exactSums, ladder, ReleaseKey.NewSecret(), threads).Tiers[ladder.Best]);
        return QueryTimer.MedianMicros(data.Queries.Rows, q => answerer.Answer(data.Queries.Row(q), clip));
    }
}
