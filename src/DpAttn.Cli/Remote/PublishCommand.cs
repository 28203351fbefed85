using System.CommandLine;
using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Cli.Remote;

/// <summary>dpattn publish: freezes all rows into a release and waits until it can be asked.</summary>
internal static class PublishCommand
{
    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);

    public static Command Create(RemoteContext context)
    {
        var store = Arguments.Store();
        var ladder = Arguments.NumberList("--ladder", "the epsilons of the tiers, ascending; default: the store's");
        var wait = new Option<string?>("--wait") { Description = "start nothing, and wait for this release", HelpName = "RELEASE" };
        var detach = new Option<bool>("--detach") { Description = "start it, and do not wait" };
        var verb = new RemoteCommand(context, "publish", "Publish all rows loaded so far as a release; what asking it costs is its tiers' epsilon", store, ladder, wait, detach);
        return verb.Does(async (client, parsed, token) =>
        {
            var name = parsed.GetValue(store)!;
            var waited = parsed.GetValue(wait);
            if (waited is not null && (parsed.GetValue(detach) || parsed.GetNumbers(ladder) is not null))
                throw new ArgumentException($"{wait.Name} starts nothing; {detach.Name} and {ladder.Name} do not go with it");
            var release = waited is null
                ? await client.StartPublishAsync(name, new PublishRequest(parsed.GetNumbers(ladder)), null, token).ConfigureAwait(false)
                : await client.GetReleaseAsync(name, waited, token).ConfigureAwait(false);
            if (!parsed.GetValue(detach))
                release = Wait(context, client, name, release, token);
            if (release.State is not ("published" or "publishing"))
                throw new RemoteFaultException($"release {release.Id} of store '{name}' is {release.State}{(release.Failure is { } why ? ": " + why : "")}");
            verb.Printer.Print(parsed, release, StoreTables.Release);
        });
    }

    private static ReleaseDescription Wait(RemoteContext context, IDpAttentionClient client, string store, ReleaseDescription release, CancellationToken cancellationToken)
    {
        try
        {
            return context.Bars.Run("publishing", 1000, progress => WaitAsync(context, client, store, release, progress, cancellationToken).GetAwaiter().GetResult());
        }
        catch (Exception e) when (e is OperationCanceledException or DpAttentionException)
        {
            context.Note($"release {release.Id} goes on being published on the server; 'dpattn publish {store} --wait {release.Id}' waits for it");
            throw;
        }
    }

    private static async Task<ReleaseDescription> WaitAsync(
        RemoteContext context, IDpAttentionClient client, string store, ReleaseDescription release, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        var shown = 0L;
        for (var wait = FirstWait; release.State == "publishing"; wait = wait < LongestWait / 2 ? 2 * wait : LongestWait)
        {
            var now = (long)(1000 * Math.Clamp(release.Progress, 0, 1));
            progress?.Report(Math.Max(0, now - shown));
            shown = Math.Max(shown, now);
            await context.Environment.Delay(wait, cancellationToken).ConfigureAwait(false);
            release = await client.GetReleaseAsync(store, release.Id, cancellationToken).ConfigureAwait(false);
        }
        return release;
    }
}
