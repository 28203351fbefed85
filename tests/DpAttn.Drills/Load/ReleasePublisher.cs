using System.Collections.Concurrent;
using DpAttn.Client;

namespace DpAttn.Drills.Load;

/// <summary>Publishes a store, again and again if need be, and writes down what its tiers cost.</summary>
/// <param name="owner">The store's owner.</param>
/// <param name="store">The store.</param>
/// <param name="prices">What a tier costs, by store, release and tier.</param>
/// <param name="faults">Told of a release that was not published.</param>
/// <param name="isPatient">Whether it asks again where the client's own retries were not enough.</param>
internal sealed class ReleasePublisher(
    IDpAttentionClient owner, LoadStore store, ConcurrentDictionary<(string Store, string Release, int Tier), long> prices, ConcurrentQueue<string> faults, bool isPatient = true)
{
    private readonly List<string> _releases = [];
    private readonly SemaphoreSlim _publishing = new(1);

    public LoadStore Store => store;

    public int Count => Releases().Length;

    /// <summary>Those that are published, in order.</summary>
    public string[] Releases()
    {
        lock (_releases)
            return [.. _releases];
    }

    /// <summary>New releases all the while, so that there is always something to open.</summary>
    /// <param name="between">How long to wait after each.</param>
    /// <param name="stop">Ends it after the one under way.</param>
    /// <param name="before">What to do before each, such as to append rows.</param>
    public async Task RunAsync(TimeSpan between, CancellationToken stop, Func<int, Task>? before = null)
    {
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            await _publishing.WaitAsync(CancellationToken.None);
            try
            {
                if (before is not null)
                    await before(i);
                await PublishOneAsync($"publish-{i}");
            }
            finally
            {
                _publishing.Release();
            }
            await Task.Delay(between, CancellationToken.None);
        }
    }

    /// <summary>Waits for the publish under way, and begins none before <see cref="Resume"/>.</summary>
    public Task PauseAsync() => _publishing.WaitAsync();

    /// <summary>Publishes again.</summary>
    public void Resume() => _publishing.Release();

    /// <summary>Publishes what is there, through however many faults.</summary>
    public async Task PublishOneAsync(string key)
    {
        var release = await AskAsync(() => owner.StartPublishAsync(store.Name, idempotencyKey: key));
        while (release.State == "publishing")
        {
            await Task.Delay(50);
            release = await AskAsync(() => owner.GetReleaseAsync(store.Name, release.Id));
        }
        if (release.State != "published")
            faults.Enqueue($"release {release.Id} ended as {release.State}: {release.Failure}");
        foreach (var tier in (await AskAsync(() => owner.GetPrivacyStatementAsync(store.Name, release.Id))).Tiers)
            prices[(store.Incarnation, release.Id, tier.Tier)] = tier.MuSquaredUnits;
        lock (_releases)
            _releases.Add(release.Id);
    }

    private Task<T> AskAsync<T>(Func<Task<T>> call) => isPatient ? Patience.UntilAnsweredAsync(call) : call();
}
