using DpAttn.Contracts;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Serialization;

namespace DpAttn.Gateway;

/// <summary>
/// A client of a cluster's gateways, in a host of its own, so that it does not mix with what its program has. It connects in the background, for as long as it takes, and again after every loss; until
/// then calls are refused at once.
/// </summary>
internal sealed partial class GatewayConnection : IAsyncDisposable
{
    // The engine spreads keys over gateways; as many as make the spread even.
    private const int Doors = 64;

    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(5);

    // What is asked just after the start should not fail for it.
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(2);
    private readonly IHost _host;
    private readonly ClusterLinks _links;
    private readonly Transfers _transfers;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ILogger _logger;
    private Task? _connecting;
    private ITransfer? _reference;
    private IFrontDoorGrain[] _doors = [];
    private uint _turn;
    private int _disposed;

    /// <exception cref="LinkFaultException">The certificates cannot be used.</exception>
    public GatewayConnection(GatewaySettings settings, ILoggerFactory logging)
    {
        _logger = logging.CreateLogger<GatewayConnection>();
        _links = new ClusterLinks(settings.Protection, settings.Links, LinkRole.Front, logging.CreateLogger<ClusterLinks>(), settings.LinkInterval);
        _transfers = new Transfers(settings.MostAnswerBytes);
        var builder = new HostBuilder();
        builder.ConfigureServices(services =>
        {
            // The engine's own words are about its workings.
            services.AddSingleton<ILoggerFactory>(new QuietLogging(logging));
            services.AddSerializer(serializer => serializer.AddAssembly(typeof(IFrontDoorGrain).Assembly));
        });
        builder.UseOrleansClient(client =>
        {
            settings.Configure(client, _links);
            client.UseConnectionRetryFilter(async (failure, cancellationToken) =>
            {
                // Not its message, which may quote a connection string.
                LogUnreachable(failure.GetType().FullName!);
                await Task.Delay(settings.ConnectDelay, cancellationToken);
                return !_stop.IsCancellationRequested;
            });
        });
        _host = builder.Build();
    }

    /// <summary>What is under way with pieces of its own.</summary>
    public Transfers Transfers => _transfers;

    /// <summary>What silos call for pieces.</summary>
    public ITransfer Reference => _reference ?? throw NotConnected();

    /// <summary>The cluster's front door, over the next gateway in turn.</summary>
    /// <exception cref="GatewayProblemException">No gateway was reached yet.</exception>
    public IFrontDoorGrain Door => _doors is { Length: > 0 } doors ? doors[(int)(Interlocked.Increment(ref _turn) % (uint)doors.Length)] : throw NotConnected();

    /// <summary>Waits a moment for the first connection, where there is none yet.</summary>
    public async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        if (_connected.Task.IsCompleted)
            return;
        try
        {
            await _connected.Task.WaitAsync(StartPatience, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw NotConnected();
        }
    }

    /// <summary>Begins to connect; does not wait for it.</summary>
    public void Start() => _connecting ??= Task.Run(ConnectAsync);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await _stop.CancelAsync();
        if (_connecting is not null)
            await _connecting;
        _doors = [];
        using var patience = new CancellationTokenSource(StopPatience);
        try
        {
            await _host.StopAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            // The gateways' end is theirs to notice.
        }
        switch (_host)
        {
            case IAsyncDisposable host:
                await host.DisposeAsync();
                break;
            default:
                _host.Dispose();
                break;
        }
        _links.Dispose();
        _stop.Dispose();
    }

    private async Task ConnectAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _host.StartAsync(_stop.Token);
                var factory = _host.Services.GetRequiredService<IGrainFactory>();
                _reference = factory.CreateObjectReference<ITransfer>(_transfers);
                _doors = [.. Enumerable.Range(0, Doors).Select(door => factory.GetGrain<IFrontDoorGrain>(door))];
                _connected.TrySetResult();
                return;
            }
            catch (Exception e) when (_stop.IsCancellationRequested)
            {
                _ = e;
                return;
            }
            catch (Exception e)
            {
                LogFailed(FaultText.Of(e));
                return;
            }
        }
    }

    private static GatewayProblemException NotConnected() => new(new ProblemReport(ProblemCodes.ShardUnavailable, "no gateway of the cluster is reached yet"));

    [LoggerMessage(LogLevel.Warning, "No gateway of the cluster is reached yet, and it is tried again: {Reason}")]
    private partial void LogUnreachable(string reason);

    [LoggerMessage(LogLevel.Critical, "The client of the cluster's gateways cannot be started: {Fault}")]
    private partial void LogFailed(string fault);

    /// <summary>Passes on warnings and worse.</summary>
    private sealed class QuietLogging(ILoggerFactory inner) : ILoggerFactory
    {
        public ILogger CreateLogger(string categoryName) => new QuietLogger(inner.CreateLogger(categoryName), LeastOf(categoryName));

        // The host that is stopped before it was connected calls that a failure.
        private static LogLevel LeastOf(string category) =>
            category.StartsWith("Microsoft.Extensions.Hosting", StringComparison.Ordinal) ? LogLevel.Critical
            : category.StartsWith("Orleans", StringComparison.Ordinal) ? LogLevel.Error
            : LogLevel.Warning;

        public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

        public void Dispose()
        {
            // It is the program's.
        }
    }

    private sealed class QuietLogger(ILogger inner, LogLevel least) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => logLevel >= least && inner.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= least)
                inner.Log(logLevel, eventId, state, exception, formatter);
        }
    }
}
