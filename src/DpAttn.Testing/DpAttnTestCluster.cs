using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.Server;
using Microsoft.AspNetCore.Builder;

namespace DpAttn.Testing;

/// <summary>
/// A whole cluster in this process, for tests: the real server on a free loopback port, with the real storage in a directory that goes when it is disposed. It limits no
/// rates unless it is told to.
/// </summary>
public sealed class DpAttnTestCluster : IAsyncDisposable
{
    private readonly EmbeddedServer _server;
    private readonly DirectoryInfo? _ownDirectory;
    private readonly List<DpAttentionClient> _clients = [];
    private readonly IDpAttentionClient? _operator;

    private DpAttnTestCluster(EmbeddedServer server, DirectoryInfo? ownDirectory)
    {
        (_server, _ownDirectory) = (server, ownDirectory);
        _operator = server.OperatorKey is { } key ? Connect(key) : null;
    }

    /// <summary>Where the API listens.</summary>
    public Uri Endpoint => _server.Endpoint;

    /// <summary>Where health answers.</summary>
    public Uri AdminEndpoint => _server.AdminEndpoint!;

    /// <summary>The operator key made at the first start of the directory; null when it was started before.</summary>
    public string? OperatorKey => _server.OperatorKey;

    /// <summary>Starts a cluster.</summary>
    /// <param name="dataDirectory">Where its data lives and stays; null for a temporary directory.</param>
    /// <param name="configure">Changes the server's settings.</param>
    /// <param name="map">Adds endpoints, which need a credential as all others do.</param>
    public static async Task<DpAttnTestCluster> StartAsync(string? dataDirectory = null, Action<ServerOptions>? configure = null, Action<WebApplication>? map = null)
    {
        var own = dataDirectory is null ? Directory.CreateTempSubdirectory("dpattn-test-") : null;
        var options = new ServerOptions
        {
            DataDirectory = dataDirectory ?? Path.Combine(own!.FullName, "data"),
            Listen = "http://127.0.0.1:0",
            AdminListen = "http://127.0.0.1:0",
            RequestsPerSecond = 0,
            AuthFailuresPerMinute = 0,
        };
        configure?.Invoke(options);
        try
        {
            return new DpAttnTestCluster(await EmbeddedServer.StartAsync(options, map), own);
        }
        catch
        {
            own?.Delete(recursive: true);
            throw;
        }
    }

    /// <summary>A client with a fresh key of a role: owner, user or operator.</summary>
    /// <param name="role">One of <see cref="Roles"/>.</param>
    /// <param name="subject">Who it is for; the same subject is the same account.</param>
    /// <exception cref="InvalidOperationException">The directory was started before: use <see cref="Connect"/> with a key made then.</exception>
    public async Task<IDpAttentionClient> CreateClientAsync(string role, string subject)
    {
        if (_operator is null)
            throw new InvalidOperationException("this directory was started before, and its operator key was shown then; connect with a key");
        var created = await _operator.CreateKeyAsync(new KeyRequest(subject, role));
        return Connect(created.Key);
    }

    /// <summary>A client with a key.</summary>
    public IDpAttentionClient Connect(string key)
    {
        var client = new DpAttentionClient(new DpAttentionOptions { Endpoint = Endpoint, ApiKey = key, PublishPollDelay = TimeSpan.FromMilliseconds(50) });
        lock (_clients)
            _clients.Add(client);
        return client;
    }

    /// <summary>Stops the server and removes a temporary directory.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
            client.Dispose();
        await _server.DisposeAsync();
        _ownDirectory?.Delete(recursive: true);
    }
}
