using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Server;

namespace DpAttn.Cli.Demo;

/// <summary>
/// The main job as its users do it, against a whole server inside this process: the real storage in a temporary directory, the real grains, HTTP over loopback.
/// </summary>
internal sealed class DemoCluster : IAsyncDisposable
{
    private const string Store = "demo";
    private const int BatchBytes = 4 << 20;
    private const int QueriesPerRequest = 1000;
    private readonly DirectoryInfo _directory;
    private readonly EmbeddedServer _server;
    private readonly List<DpAttentionClient> _clients = [];
    private IDpAttentionClient _owner = null!;
    private IDpAttentionClient _user = null!;

    private DemoCluster(DirectoryInfo directory, EmbeddedServer server) => (_directory, _server) = (directory, server);

    /// <summary>Starts a server, makes an owner and a user, and a store with a grant for the user.</summary>
    public static async Task<DemoCluster> StartAsync(MomentParameters parameters, IReadOnlyList<double> ladder, PrivacyLimit limit)
    {
        const string User = "demo-user";
        var directory = Directory.CreateTempSubdirectory("dpattn-demo-");
        DemoCluster? demo = null;
        try
        {
            var server = await EmbeddedServer.StartAsync(new ServerOptions { DataDirectory = Path.Combine(directory.FullName, "data"), Listen = "http://127.0.0.1:0", AdminListen = "" }).ConfigureAwait(false);
            demo = new DemoCluster(directory, server);
            var @operator = demo.Connect(server.OperatorKey!);
            demo._owner = demo.Connect((await @operator.CreateKeyAsync(new KeyRequest("demo-owner", Roles.Owner)).ConfigureAwait(false)).Key);
            demo._user = demo.Connect((await @operator.CreateKeyAsync(new KeyRequest(User, Roles.User)).ConfigureAwait(false)).Key);
            await demo._owner.EnsureStoreAsync(Store, Define(parameters, ladder, limit)).ConfigureAwait(false);
            await demo._owner.GrantAsync(Store, User, limit.Epsilon.Value).ConfigureAwait(false);
            return demo;
        }
        catch
        {
            if (demo is not null)
                await demo.DisposeAsync().ConfigureAwait(false);
            else
                directory.Delete(recursive: true);
            throw;
        }
    }

    /// <summary>Appends all rows in batches.</summary>
    public async Task LoadAsync(FloatMatrix keys, FloatMatrix values, bool clip, IProgress<long>? progress)
    {
        var row = (keys.Columns + values.Columns) * sizeof(double);
        var size = Math.Max(1, BatchBytes / row);
        for (var start = 0; start < keys.Rows; start += size)
        {
            var count = Math.Min(size, keys.Rows - start);
            var batch = $"rows-{start / size:00000000}";
            if (keys.Single is { } narrowKeys && values.Single is { } narrowValues)
                await _owner.AppendAsync(Store, batch, Slice(narrowKeys, start, count), Slice(narrowValues, start, count), count, clip).ConfigureAwait(false);
            else
                await _owner.AppendAsync(Store, batch, Wide(keys, start, count), Wide(values, start, count), count, clip).ConfigureAwait(false);
            progress?.Report(count);
        }
    }

    /// <summary>Publishes all rows and waits.</summary>
    public Task<ReleaseDescription> PublishAsync() => _owner.PublishAsync(Store);

    /// <summary>The user's budget.</summary>
    public async Task<BudgetReport> BudgetAsync()
    {
        var budget = await _user.GetBudgetAsync(Store).ConfigureAwait(false);
        return new BudgetReport(budget.Limit, budget.Spent, budget.Remaining);
    }

    /// <summary>Asks as the user, opening the tier first where it is not open.</summary>
    /// <exception cref="PrivacyBudgetExceededException">The user's limit does not admit it.</exception>
    public async Task<AttentionAnswer[]> AskAsync(Matrix<double> queries, string release, int tier, bool clip)
    {
        var answers = new List<AttentionAnswer>(queries.Rows);
        for (var start = 0; start < queries.Rows; start += QueriesPerRequest)
        {
            var count = Math.Min(QueriesPerRequest, queries.Rows - start);
            var options = new AttendOptions { Release = release, Tier = tier, Clip = clip };
            var response = await _user.AttendAsync(Store, Slice(queries, start, count), count, options).ConfigureAwait(false);
            for (var i = 0; i < count; i++)
                answers.Add(ToAnswer(response, i));
        }
        return [.. answers];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
            client.Dispose();
        await _server.DisposeAsync().ConfigureAwait(false);
        _directory.Delete(recursive: true);
    }

    private DpAttentionClient Connect(string key)
    {
        var client = new DpAttentionClient(new DpAttentionOptions { Endpoint = _server.Endpoint, ApiKey = key, PublishPollDelay = TimeSpan.FromMilliseconds(50) });
        _clients.Add(client);
        return client;
    }

    private static StoreDefinition Define(MomentParameters parameters, IReadOnlyList<double> ladder, PrivacyLimit limit)
    {
        var schema = parameters.Schema;
        return new StoreDefinition
        {
            KeyDimension = schema.KeyDimension,
            ValueDimension = schema.ValueDimension,
            Keys = Bound(schema.Keys),
            Queries = Bound(schema.Queries),
            Values = new ValueBoundStatement(Radius: schema.Values.Stated),
            Scale = schema.Scale,
            Adjacency = Commands.SchemaOptions.Name(schema.Adjacency),
            Mechanism = new MechanismDefinition(MomentRelease.Mechanism, parameters.Kernel.Degree, parameters.Kernel.Method == KernelMethod.Minimax ? "minimax" : "taylor"),
            Delta = limit.Delta.Value,
            Ladder = ladder,
            Limit = limit.Epsilon.Value,
            Capacity = schema.Capacity,
        };
    }

    private static RegionBound Bound(Region region) => region.IsBox
        ? new RegionBound(Box: new BoxBound(region.Low.ToArray(), region.High.ToArray()))
        : new RegionBound(Ball: new BallBound(region.Radius, region.Centre.ToArray()));

    private static AttentionAnswer ToAnswer(AttendResponse response, int query)
    {
        var columns = response.Outputs[query].Count;
        var intervals = new NoiseInterval[columns];
        for (var j = 0; j < columns; j++)
            intervals[j] = new NoiseInterval(response.IntervalLow[query][j], response.IntervalHigh[query][j], IsWholeRange: response.NoiseDeviations[query][j] is null);
        return new AttentionAnswer(
            [.. response.Outputs[query]],
            [.. response.NoiseDeviations[query].Select(deviation => deviation ?? double.PositiveInfinity)],
            intervals,
            response.KernelErrorBound,
            response.IndistinguishableFromMean?[query]);
    }

    private static ReadOnlyMemory<T> Slice<T>(Matrix<T> matrix, int start, int count)
        where T : unmanaged => matrix.Data.AsMemory(start * matrix.Columns, count * matrix.Columns);

    private static double[] Wide(FloatMatrix matrix, int start, int count) => matrix.Double is { } wide
        ? Slice(wide, start, count).ToArray()
        : Array.ConvertAll(Slice(matrix.Single!, start, count).ToArray(), x => (double)x);
}
