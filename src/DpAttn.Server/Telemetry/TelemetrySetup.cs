using DpAttn.Server.Http;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace DpAttn.Server.Telemetry;

/// <summary>
/// OpenTelemetry: metrics for the scrape endpoint always; traces, metrics and logs over OTLP where an endpoint is named, by <see cref="ServerOptions.OtlpEndpoint"/> or by the standard
/// variables (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, which are read beside it for headers, sampling and the service's name).
/// </summary>
internal static class TelemetrySetup
{
    /// <summary>The scrape endpoint, on the admin listener.</summary>
    public const string ScrapePath = "/metrics";

    private const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string ServiceVariable = "OTEL_SERVICE_NAME";
    private const string ServiceName = "dpattn";

    // Orleans' calls of our grains; its own system calls are told by another source, which nobody listens to.
    private const string GrainCalls = "Microsoft.Orleans.Application";

    /// <summary>Adds the providers.</summary>
    /// <exception cref="SettingsException">The standard variable names no endpoint.</exception>
    public static void Add(WebApplicationBuilder builder, ServerOptions options)
    {
        var stated = builder.Configuration[EndpointVariable] ?? "";
        if (options.OtlpEndpoint.Length == 0 && stated.Length > 0 && !IsEndpoint(stated))
            throw new SettingsException([$"{EndpointVariable}: {EndpointForm}"]);
        var isExported = options.OtlpEndpoint.Length > 0 || stated.Length > 0;
        builder.Services.AddSingleton<ServerInstruments>();
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource =>
            {
                if (string.IsNullOrEmpty(builder.Configuration[ServiceVariable]))
                    resource.AddService(ServiceName, serviceVersion: typeof(TelemetrySetup).Assembly.GetName().Version?.ToString(3));
            })
            .WithMetrics(metrics =>
            {
                metrics.AddMeter([.. ExportedMetrics.Meters]).AddView(ExportedMetrics.ViewOf).AddPrometheusExporter();
                if (isExported)
                    metrics.AddOtlpExporter((otlp, _) => Point(otlp, options, "metrics"));
            });
        if (!isExported)
            return;
        telemetry.WithTracing(traces => traces
            .AddSource(ServerInstruments.Name, GrainCalls)
            .AddAspNetCoreInstrumentation(http => http.Filter = context => context.Features.Get<AdminListener>() is null)
            .AddProcessor(new SpanScrubber())
            .AddOtlpExporter(otlp => Point(otlp, options, "traces")));
        telemetry.WithLogging(
            logs => logs.AddProcessor(new LogScrubber()).AddOtlpExporter(otlp => Point(otlp, options, "logs")),
            logging => (logging.IncludeFormattedMessage, logging.IncludeScopes) = (true, false));
    }

    /// <summary>Maps the scrape endpoint.</summary>
    public static void Map(IEndpointRouteBuilder routes) => routes.MapPrometheusScrapingEndpoint(ScrapePath).WithMetadata(new AdminOnly());

    /// <summary>Whether a text is the address of a collector.</summary>
    public static bool IsEndpoint(string text) => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.UserInfo.Length == 0;

    /// <summary>What the address of a collector looks like. Its value is not repeated: a password may stand in it.</summary>
    public const string EndpointForm = "it must be the http or https address of an OpenTelemetry collector without a user in it, such as http://127.0.0.1:4317";

    private static void Point(OtlpExporterOptions otlp, ServerOptions options, string signal)
    {
        if (options.OtlpEndpoint.Length == 0)
            return;
        var isHttp = options.OtlpProtocol == ServerOptions.OtlpHttp;
        otlp.Protocol = isHttp ? OtlpExportProtocol.HttpProtobuf : OtlpExportProtocol.Grpc;
        otlp.Endpoint = new Uri(isHttp ? $"{options.OtlpEndpoint.TrimEnd('/')}/v1/{signal}" : options.OtlpEndpoint);
    }
}
