using System.Collections.Concurrent;
using System.Net.Http.Headers;
using DpAttn.Cluster;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DpAttn.Server.Tests.Support;

/// <summary>The real server on free ports, before a fake front door.</summary>
internal sealed class ServerUnderTest : IAsyncDisposable
{
    private ServerUnderTest(WebApplication app, FakeFrontDoor door, RecordedLog log)
    {
        (App, Door, Log) = (app, door, log);
        var addresses = app.Services.GetRequiredService<ServerAddresses>();
        (Address, AdminAddress) = (addresses.Api[0], addresses.Admin.FirstOrDefault());
        Client = new HttpClient { BaseAddress = Address };
        Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", FakeFrontDoor.Key);
        Anonymous = new HttpClient { BaseAddress = Address };
        Admin = new HttpClient { BaseAddress = AdminAddress };
    }

    public WebApplication App { get; }

    public FakeFrontDoor Door { get; }

    public RecordedLog Log { get; }

    public Uri Address { get; }

    public Uri? AdminAddress { get; }

    /// <summary>With a good key.</summary>
    public HttpClient Client { get; }

    /// <summary>Without a credential.</summary>
    public HttpClient Anonymous { get; }

    /// <summary>To the admin listener, without a credential.</summary>
    public HttpClient Admin { get; }

    public static async Task<ServerUnderTest> StartAsync(Action<ServerOptions>? settings = null, Action<WebApplication>? map = null, FakeFrontDoor? door = null, Action<WebApplicationBuilder>? configure = null)
    {
        var options = new ServerOptions { Listen = "http://127.0.0.1:0", AdminListen = "http://127.0.0.1:0", ShutdownSeconds = 10 };
        settings?.Invoke(options);
        door ??= new FakeFrontDoor();
        var log = new RecordedLog();
        var app = DpAttnServer.Build(
            options,
            builder =>
            {
                builder.Services.AddSingleton<IFrontDoor>(door);
                configure?.Invoke(builder);
                builder.Logging.ClearProviders().AddProvider(log).SetMinimumLevel(LogLevel.Trace).AddFilter<RecordedLog>(null, LogLevel.Trace);
            },
            map);
        await app.StartAsync();
        return new ServerUnderTest(app, door, log);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        Anonymous.Dispose();
        Admin.Dispose();
        await App.DisposeAsync();
    }
}

/// <summary>Everything that is logged, at every level.</summary>
internal sealed class RecordedLog : ILoggerProvider, ISupportExternalScope
{
    private IExternalScopeProvider? _scopes;

    public ConcurrentQueue<(string Category, LogLevel Level, string Text)> Entries { get; } = new();

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

    public void Dispose()
    {
    }

    private sealed class Logger(RecordedLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => log._scopes?.Push(state);

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var text = new System.Text.StringBuilder(formatter(state, exception)).Append('\n').Append(exception);
            if (state is IEnumerable<KeyValuePair<string, object?>> values)
                text.AppendJoin('\n', values);
            log._scopes?.ForEachScope((scope, all) => all.Append('\n').Append(scope is IEnumerable<KeyValuePair<string, object?>> pairs ? string.Join('\n', pairs) : scope), text);
            log.Entries.Enqueue((category, logLevel, text.ToString()));
        }
    }
}
