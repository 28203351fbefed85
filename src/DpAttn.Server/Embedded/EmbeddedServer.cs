namespace DpAttn.Server;

/// <summary>A whole server inside another program: the demo's, or a test's. It serves until it is disposed.</summary>
public sealed class EmbeddedServer : IAsyncDisposable
{
    private readonly WebApplication _server;

    private EmbeddedServer(WebApplication server, string? operatorKey) => (_server, OperatorKey) = (server, operatorKey);

    /// <summary>Where the API listens.</summary>
    /// <exception cref="InvalidOperationException">A silo has none.</exception>
    public Uri Endpoint => _server.Services.GetRequiredService<ServerAddresses>().Api is [var first, ..] ? first : throw new InvalidOperationException("a silo has no API");

    /// <summary>Where health answers; null without an admin listener.</summary>
    public Uri? AdminEndpoint => _server.Services.GetRequiredService<ServerAddresses>().Admin.FirstOrDefault();

    /// <summary>The operator key made at the first start of the data directory; null when it was started before.</summary>
    public string? OperatorKey { get; }

    /// <summary>Starts a server. It logs warnings and errors only, to standard error.</summary>
    /// <param name="options">Its settings; a port of 0 is a free one.</param>
    /// <param name="map">Adds endpoints, which need a credential as all others do.</param>
    /// <exception cref="SettingsException">A setting is out of its bounds.</exception>
    /// <exception cref="Storage.StorageException">The data directory cannot be used.</exception>
    public static async Task<EmbeddedServer> StartAsync(ServerOptions options, Action<WebApplication>? map = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        string? operatorKey = null;
        var server = DpAttnServer.Build(
            options,
            builder =>
            {
                builder.Logging.SetMinimumLevel(LogLevel.Warning);
                builder.Logging.AddSimpleConsole().Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(
                    console => console.LogToStandardErrorThreshold = LogLevel.Trace);
                ServerRoles.Add(builder, options, key => operatorKey = key);
            },
            map);
        try
        {
            await server.StartAsync();
            return new EmbeddedServer(server, operatorKey);
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops it.</summary>
    public async ValueTask DisposeAsync()
    {
        await _server.StopAsync();
        await _server.DisposeAsync();
    }
}
