using DpAttn.Contracts;

namespace DpAttn.Cluster.Tests;

/// <summary>A cluster that tests share which disturb nobody: each works on stores and subjects of its own.</summary>
public abstract class SharedSilos(int silos) : IAsyncLifetime
{
    private static int _numbers;
    private TestSilos? _silos;

    internal TestSilos Silos => _silos ?? throw new InvalidOperationException("it has not been started");

    internal IFrontDoor Door => Silos.FrontDoor;

    public async ValueTask InitializeAsync() => _silos = await StartAsync();

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_silos is not null)
            await _silos.DisposeAsync();
    }

    private protected virtual Task<TestSilos> StartAsync() => TestSilos.StartAsync(silos);

    /// <summary>A name that no other test has.</summary>
    internal static string Fresh(string name) => $"{name}-{Interlocked.Increment(ref _numbers)}";

    /// <summary>A store with an owner and users of its own.</summary>
    internal async Task<Scene> SceneAsync(StoreDefinition? definition = null, int users = 1)
    {
        var owner = await Silos.PrincipalAsync(Roles.Owner, Fresh("owner"));
        var name = Fresh("store");
        await Door.EnsureStoreAsync(owner, name, definition ?? Samples.Definition());
        var all = new List<Principal>();
        for (var i = 0; i < users; i++)
            all.Add(await Silos.PrincipalAsync(Roles.User, Fresh("user")));
        return new Scene(Door, name, owner, all);
    }
}

/// <summary>One silo.</summary>
public sealed class OneSilo() : SharedSilos(1);

/// <summary>Two silos.</summary>
public sealed class TwoSilos() : SharedSilos(2);

/// <summary>A store and those who have to do with it.</summary>
internal sealed record Scene(IFrontDoor Door, string Store, Principal Owner, IReadOnlyList<Principal> Users)
{
    public Principal User => Users[0];

    public Task<AppendResult> AppendAsync(string batch, RowBatch rows) => Door.AppendAsync(Owner, Store, batch, rows);

    /// <summary>Publishes and waits for it.</summary>
    public async Task<ReleaseDescription> PublishAsync(string? request = null, IReadOnlyList<double>? ladder = null)
    {
        var release = await Door.PublishAsync(Owner, Store, new PublishRequest(ladder), request);
        return await Wait.PublishedAsync(Door, Owner, Store, release.Id);
    }

    /// <summary>Appends a batch and publishes it.</summary>
    public async Task<string> LoadedAsync(int rows = 60)
    {
        await AppendAsync("b", Samples.Rows(rows, 1));
        return (await PublishAsync()).Id;
    }

    public Task<BudgetDescription> GrantAsync(double epsilon, Principal? user = null) =>
        Door.SetBudgetAsync(Owner, Store, (user ?? User).Account.Value, new LimitRequest(epsilon));

    public Task<AttendResult> AttendAsync(AttendCommand command, Principal? user = null) => Door.AttendAsync(user ?? User, Store, command);

    public async Task<string> IncarnationAsync() => (await Door.GetStoreAsync(Owner, Store)).Incarnation;
}

/// <summary>Shorthand for what is refused.</summary>
internal static class Refused
{
    public static async Task<ProblemException> WithAsync(string code, Func<Task> call)
    {
        var problem = await Assert.ThrowsAsync<ProblemException>(call);
        Assert.True(problem.Code == code, $"{problem.Code} instead of {code}: {problem.Message}");
        return problem;
    }
}
