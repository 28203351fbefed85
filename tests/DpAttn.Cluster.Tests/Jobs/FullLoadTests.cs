using DpAttn.Contracts;

namespace DpAttn.Cluster.Tests;

/// <summary>A silo whose scan threads have all the work they can take still answers.</summary>
public class FullLoadTests
{
    /// <summary>
    /// The scan threads stand still with a full queue behind them: whatever needed one of them to answer would wait for ever. Asking does not, and uploads are
    /// told to come again.
    /// </summary>
    [Fact]
    public async Task With_all_scan_threads_taken_and_their_queue_full_asking_goes_on_and_uploads_are_busy()
    {
        await using var own = await TestSilos.StartAsync(1, options => (options.ScanThreads, options.ScanQueue) = (1, 4));
        var owner = await own.PrincipalAsync(Roles.Owner, "owner");
        var user = await own.PrincipalAsync(Roles.User, "user");
        var door = own.FrontDoor;
        await door.EnsureStoreAsync(owner, "s", Samples.Definition());
        await door.AppendAsync(owner, "s", "b", Samples.Rows(30, 1));
        var release = (await Wait.PublishedAsync(door, owner, "s", (await door.PublishAsync(owner, "s", new PublishRequest(), null)).Id)).Id;
        await door.SetBudgetAsync(owner, "s", user.Account.Value, new LimitRequest(4));

        using var gate = new ManualResetEventSlim();
        var scans = own.Service<ScanScheduler>(0);
        var taken = new List<Task>();
        await Wait.UntilAsync(() =>
        {
            try
            {
                taken.Add(scans.RunAsync(() => { gate.Wait(); return 0; }));
                return Task.FromResult(false);
            }
            catch (ProblemException e)
            {
                Assert.Equal(ProblemCodes.Busy, e.Code);
                return Task.FromResult(true);
            }
        });
        Assert.Equal(1, (await door.AttendAsync(user, "s", new AttendCommand(Samples.Queries(5), release, 1))).Privacy.Tier);
        await Refused.WithAsync(ProblemCodes.Busy, () => door.AppendAsync(owner, "s", "b2", Samples.Rows(3, 2)));
        await door.GetMyBudgetAsync(user, "s");
        // A publish waits for room and is done when there is some.
        var waiting = await door.PublishAsync(owner, "s", new PublishRequest(), null);
        Assert.Equal("publishing", waiting.State);
        gate.Set();
        await Task.WhenAll(taken);
        await Wait.PublishedAsync(door, owner, "s", waiting.Id);
        Assert.False((await door.AppendAsync(owner, "s", "b2", Samples.Rows(3, 2))).Replayed);
    }
}
