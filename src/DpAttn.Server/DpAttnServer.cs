using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Serialization;
using DpAttn.Cluster;
using DpAttn.Server.Endpoints;
using DpAttn.Server.Http;
using DpAttn.Server.OpenApi;
using DpAttn.Server.Rows;
using DpAttn.Server.Telemetry;
using DpAttn.Storage;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace DpAttn.Server;

/// <summary>The HTTP front of a cluster: builds it and runs it.</summary>
public static partial class DpAttnServer
{
    private static readonly TimeSpan HeadersTimeout = TimeSpan.FromSeconds(10);
    private const int HeadersBytes = 16 * 1024;

    /// <summary>In place of serving: applies the schema to the storage that the settings name, and ends.</summary>
    public const string MigrateFlag = "--migrate";

    /// <summary>In place of serving: makes another operator key in the storage that the settings name, writes it to standard output, and ends.</summary>
    public const string RecoverFlag = "--recover-operator-key";

    /// <summary>In place of serving: asks whether the server of these settings on this machine is ready, and ends with 0 or 1; <c>--healthcheck=URL</c> asks that address in place of it.</summary>
    public const string HealthCheckFlag = HealthCheck.Flag;

    /// <summary>
    /// Runs a server of the role that its settings state until it is told to stop; with <see cref="MigrateFlag"/>, <see cref="RecoverFlag"/> or <see cref="HealthCheckFlag"/> it does that and ends.
    /// </summary>
    /// <param name="args">Settings, as <c>--DpAttn:Name value</c>.</param>
    /// <returns>
    /// 0; 1 when an address is taken, the storage refuses, the health that was asked for is not good, or the server did not stop in order within <see cref="ServerOptions.ShutdownSeconds"/> and 5 s more: the caller is to end the process then; 2 when
    /// settings are refused, other than by a check of health. The reasons are on standard error.
    /// </returns>
    public static Task<int> RunAsync(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        string[] settings = [.. args.Where(argument => argument is not (MigrateFlag or RecoverFlag) && !HealthCheck.IsFlag(argument))];
        return HealthCheck.Find(args) is { } check ? HealthCheck.AskAsync(check, () => CreateBuilder(settings).Configuration, Console.Error.WriteLine)
            : args.Contains(MigrateFlag) ? TellAsync(settings, ServerStorage.MigrateAsync)
            : args.Contains(RecoverFlag) ? TellAsync(settings, ServerStorage.RecoverOperatorKeyAsync)
            : RunAsync(args, builder => ServerRoles.Add(builder, ServerOptions.Read(builder.Configuration)));
    }

    internal static Task<int> RunAsync(string[] args, Action<WebApplicationBuilder> configure) => GuardAsync(async () =>
    {
        var server = Build(args, configure);
        var options = server.Services.GetRequiredService<ServerOptions>();
        if (await StopDeadline.RunAsync(server, TimeSpan.FromSeconds(options.ShutdownSeconds)))
            return 0;
        await Console.Error.WriteLineAsync(StopDeadline.Text);
        return 1;
    });

    private static Task<int> TellAsync(string[] settings, Func<ServerOptions, Task<string>> work) => GuardAsync(async () =>
    {
        await Console.Out.WriteLineAsync(await work(ServerOptions.Read(CreateBuilder(settings).Configuration)));
        return 0;
    });

    private static async Task<int> GuardAsync(Func<Task<int>> run)
    {
        try
        {
            return await run();
        }
        catch (SettingsException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 2;
        }
        catch (Exception e) when (e is StorageException || (e is IOException && e.InnerException is AddressInUseException))
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
    }

    /// <summary>Builds a server whose settings come from appsettings.json, the environment and arguments.</summary>
    /// <param name="args">Settings, as <c>--DpAttn:Name value</c>.</param>
    /// <param name="configure">Adds services, an <see cref="IFrontDoor"/> among them, and configuration.</param>
    /// <param name="map">Adds endpoints. They need a credential as all others do.</param>
    /// <exception cref="SettingsException">A setting is unknown or out of its bounds.</exception>
    /// <exception cref="InvalidOperationException">No front door was added.</exception>
    public static WebApplication Build(string[] args, Action<WebApplicationBuilder>? configure = null, Action<WebApplication>? map = null)
    {
        var builder = CreateBuilder(args);
        configure?.Invoke(builder);
        return Build(builder, ServerOptions.Read(builder.Configuration), map);
    }

    /// <summary>Builds a server with settings stated in code; configuration is not asked for them.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="configure">Adds services, an <see cref="IFrontDoor"/> among them.</param>
    /// <param name="map">Adds endpoints. They need a credential as all others do.</param>
    /// <exception cref="SettingsException">A setting is out of its bounds.</exception>
    /// <exception cref="InvalidOperationException">No front door was added.</exception>
    public static WebApplication Build(ServerOptions options, Action<WebApplicationBuilder>? configure = null, Action<WebApplication>? map = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var builder = CreateBuilder([]);
        configure?.Invoke(builder);
        return Build(builder, options, map);
    }

    private static WebApplicationBuilder CreateBuilder(string[] args)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = args, ApplicationName = typeof(DpAttnServer).Assembly.GetName().Name });
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        return builder;
    }

    private static WebApplication Build(WebApplicationBuilder builder, ServerOptions options, Action<WebApplication>? map)
    {
        var addresses = new ServerAddresses();
        builder.WebHost.ConfigureKestrel(kestrel => Listen(kestrel, options, addresses));
        builder.Services
            .AddSingleton(options)
            .AddSingleton(addresses)
            .AddSingleton<FrontDesk>()
            .AddSingleton<RequestAdmission>()
            .AddSingleton<UploadAdmission>()
            .AddSingleton<RateLimits>()
            .AddSingleton<RowBodyReader>()
            .AddSingleton<IEndpoints, StoresEndpoints>()
            .AddSingleton<IEndpoints, RowsEndpoints>()
            .AddSingleton<IEndpoints, ReleasesEndpoints>()
            .AddSingleton<IEndpoints, AttendEndpoints>()
            .AddSingleton<IEndpoints, EstimateEndpoints>()
            .AddSingleton<IEndpoints, BudgetsEndpoints>()
            .AddSingleton<IEndpoints, KeysEndpoints>()
            .AddSingleton<IEndpoints, AuditEndpoints>()
            .AddSingleton<IEndpoints, LedgersEndpoints>()
            .AddSingleton<IEndpoints, HealthEndpoints>()
            .ConfigureHttpJsonOptions(json =>
            {
                // For the OpenAPI document; requests and responses are read and written by DpAttnJson.
                json.SerializerOptions.TypeInfoResolverChain.Insert(0, SchemaJson.Default);
                json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
            })
            .AddOpenApi(ApiDocument.Name, ApiDocument.Configure)
            .Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(options.ShutdownSeconds));
        builder.Services.TryAddSingleton(TimeProvider.System);
        TrustedProxies.Add(builder.Services, options);
        TelemetrySetup.Add(builder, options);
        var app = builder.Build();
        var door = app.Services.GetService<IFrontDoor>()
            ?? throw new InvalidOperationException($"no {nameof(IFrontDoor)} was added: the server has nothing to translate to");
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("DpAttn.Server");
        var instruments = app.Services.GetRequiredService<ServerInstruments>();
        var limits = app.Services.GetRequiredService<RateLimits>();
        var admission = app.Services.GetRequiredService<RequestAdmission>();
        if (options.TrustedProxies.Length > 0)
            app.UseForwardedHeaders();
        app.Use(next => new ProblemMiddleware(next, instruments, logger).InvokeAsync);
        app.Use(next => new AdmissionMiddleware(next, admission).InvokeAsync);
        app.UseRouting();
        app.Use(next => new GateMiddleware(next, door, limits, TimeSpan.FromSeconds(options.RequestTimeoutSeconds)).InvokeAsync);
        var api = app.MapGroup("").Fails([.. ApiDocument.CommonProblems]);
        foreach (var endpoints in app.Services.GetServices<IEndpoints>())
            endpoints.Map(api);
        ApiDocument.Map(app);
        TelemetrySetup.Map(app);
        map?.Invoke(app);
        app.Lifetime.ApplicationStarted.Register(() => Announce(logger, options, addresses));
        app.Lifetime.ApplicationStopping.Register(() => LogStopping(logger, options.ShutdownSeconds));
        return app;
    }

    private static void Listen(KestrelServerOptions kestrel, ServerOptions options, ServerAddresses addresses)
    {
        // In place of the section that the builder reads: it could open further addresses.
        kestrel.Configure();
        kestrel.AddServerHeader = false;
        var limits = kestrel.Limits;
        limits.MaxConcurrentConnections = options.MaxConnections;
        limits.MaxConcurrentUpgradedConnections = 0;
        // Every reader has its own cap (RequestBody). With one of Kestrel's the connection would be reset under a caller still sending, who would never read the 413.
        limits.MaxRequestBodySize = null;
        limits.MaxRequestHeadersTotalSize = HeadersBytes;
        limits.RequestHeadersTimeout = HeadersTimeout;
        var certificate = options.Certificate.Length == 0 ? null : LoadCertificate(options);
        if (options.IsFront)
            Add(options.Listen, isAdmin: false);
        Add(options.AdminListen, isAdmin: true);

        void Add(string listen, bool isAdmin)
        {
            foreach (var text in ListenAddress.Split(listen))
            {
                if (!ListenAddress.TryParse(text, out var address, out var fault))
                    throw new SettingsException([fault]);
                address.Listen(kestrel, listener =>
                {
                    addresses.Add(listener, address.IsHttps, isAdmin);
                    if (isAdmin)
                    {
                        listener.Use(next => connection =>
                        {
                            connection.Features.Set(AdminListener.Instance);
                            return next(connection);
                        });
                    }
                    if (address.IsHttps)
                        listener.UseHttps(certificate!);
                });
            }
        }
    }

    private static X509Certificate2 LoadCertificate(ServerOptions options)
    {
        try
        {
            return X509Certificate2.CreateFromPemFile(options.Certificate, options.CertificateKey.Length == 0 ? null : options.CertificateKey);
        }
        catch (System.Security.Cryptography.CryptographicException)
        {
            throw new SettingsException([$"{ServerOptions.Section}:{nameof(ServerOptions.Certificate)} is '{options.Certificate}'; with {nameof(ServerOptions.CertificateKey)} it must be a PEM certificate and its key"]);
        }
    }

    private static void Announce(ILogger logger, ServerOptions options, ServerAddresses addresses)
    {
        LogListening(logger, options.Role, options.IsFront ? string.Join(", ", addresses.Api) : "no address", string.Join(", ", addresses.Admin));
        if (options.Clustering != ServerOptions.ClusteringNone && options.IsSilo)
            LogSilo(logger, options.SiloListen, options.SiloPort, options.GatewayPort, options.ClusterId);
        if (LinkSettings.IsOpen(options))
            LogOpen(logger, options.SiloListen);
        if (LinkSettings.IsPlainFront(options))
            LogPlainFront(logger);
        if (options.LedgerWitness == ServerOptions.WitnessNone && options.IsSilo)
            LogNoWitness(logger);
        if (!options.IsFront)
            return;
        foreach (var text in ListenAddress.Split(options.Listen))
        {
            if (ListenAddress.TryParse(text, out var address, out _) && !address.IsHttps && !address.IsLoopback)
                LogPlaintext(logger, text);
        }
    }

    [LoggerMessage(10, LogLevel.Information, "Role {Role}: the API listens at {Api}; health at {Admin}")]
    private static partial void LogListening(ILogger logger, string role, string api, string admin);

    [LoggerMessage(11, LogLevel.Warning, "{Address} can be reached from other machines without TLS: API keys and queries travel in the clear unless something before it encrypts")]
    private static partial void LogPlaintext(ILogger logger, string address);

    [LoggerMessage(13, LogLevel.Information, "The silo listens at {Address}, port {SiloPort} for silos and port {GatewayPort} for fronts, in cluster {Cluster}")]
    private static partial void LogSilo(ILogger logger, string address, int siloPort, int gatewayPort, string cluster);

    [LoggerMessage(15, LogLevel.Warning, "The ports of silos and gateways at {Address} are plain and ask for no certificate: whoever reaches them reads what users send, and can forge what silos say to each other, charges included")]
    private static partial void LogOpen(ILogger logger, string address);

    [LoggerMessage(16, LogLevel.Warning, "Gateways are asked without TLS, wherever they are: credentials and queries travel in the clear unless something between encrypts")]
    private static partial void LogPlainFront(ILogger logger);

    [LoggerMessage(14, LogLevel.Warning, "The ledger has no witness: an older copy of the database, put back, is not recognised, and what it has forgotten can be spent again")]
    private static partial void LogNoWitness(ILogger logger);

    [LoggerMessage(12, LogLevel.Information, "Stopping; requests under way have {Seconds} s")]
    private static partial void LogStopping(ILogger logger, int seconds);
}
