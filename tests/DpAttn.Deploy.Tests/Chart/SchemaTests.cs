using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json.Nodes;
using DpAttn.Deploy.Tests.Support;
using DpAttn.Server;
using NJsonSchema;

namespace DpAttn.Deploy.Tests.Chart;

/// <summary>values.schema.json takes what the chart is rendered with, and refuses what it cannot be.</summary>
public sealed class SchemaTests
{
    private static readonly string SchemaFile = Path.Combine(ChartRenderer.Folder, "values.schema.json");

    // What the chart states itself, or keeps in secrets.
    private static readonly string[] Own =
    [
        "Role", "Clustering", "ClusterId", "SiloListen", "AdvertisedAddress", "SiloPort", "GatewayPort", "Storage", "PostgresConnection", "KeyFile", "DataDirectory", "LedgerWitness", "WitnessDirectory",
        "WitnessConnection", "Listen", "AdminListen", "Certificate", "CertificateKey", "ShutdownSeconds", "ClusterTls", "ClusterCertificate", "ClusterCertificateKey", "ClusterAuthority", "ClusterSiloName",
        "ClusterFrontName",
    ];

    public static TheoryData<string> Variants => RenderingTests.Variants;

    public static TheoryData<string, string> Wrong => new()
    {
        { "silos.replicas", "0" },
        { "silos.replicas", "\"3\"" },
        { "silos.replicas", "2.5" },
        { "silos.replica", "3" },
        { "silo.replicas", "3" },
        { "silos.settings.MaxQuerys", "1" },
        { "silos.settings.MaxQueries", "0" },
        { "silos.settings.MaxQueries", "\"4096\"" },
        { "settings.Role", "\"all\"" },
        { "settings.PostgresConnection", "\"Host=db;Password=secret\"" },
        { "settings.ClusterTls", "\"none\"" },
        { "settings.OtlpProtocol", "\"json\"" },
        { "fronts.settings.RequestTimeoutSeconds", "99999" },
        { "fronts.shutdownSeconds", "-1" },
        { "fronts.drainSeconds", "0" },
        { "fronts.autoscaling.enabled", "\"yes\"" },
        { "fronts.autoscaling.scaleDownAfterSeconds", "10" },
        { "fronts.service.type", "\"ExternalName\"" },
        { "fronts.resources.limits.memory", "\"2 GB\"" },
        { "fronts.podDisruptionBudget.maxUnavailable", "\"all\"" },
        { "silos.spread.zone", "\"Always\"" },
        { "secrets.database.name", "\"\"" },
        { "secrets.database.name", "\"Upper\"" },
        { "secrets.keys.key", "\"a/b\"" },
        { "secrets.witness", "null" },
        { "secrets.password", "\"secret\"" },
        { "clusterTls.mode", "\"loopback\"" },
        { "clusterTls.siloName", "\"\"" },
        { "clusterId", "\"\"" },
        { "ports.api", "0" },
        { "ports.api", "65536" },
        { "image.pullPolicy", "\"Sometimes\"" },
        { "image.digest", "\"sha256:1234\"" },
        { "image.tag", "1.0" },
        { "silos.image.digest", "\"sha256:1234\"" },
        { "silos.image.repository", "\"elsewhere\"" },
        { "fronts.image.tag", "\"a b\"" },
        { "fronts.image.tag", "null" },
        { "fronts.service.externalTrafficPolicy", "\"Remote\"" },
        { "fullnameOverride", "\"2nd\"" },
        { "secrets.clusterAuthority.name", "\"Upper\"" },
        { "secrets.clusterAuthority.key", "\"a/b\"" },
        { "secrets.clusterAuthority", "null" },
        { "networkPolicy.databasePorts", "[]" },
        { "networkPolicy.apiFrom", "[{}]" },
        { "networkPolicy.apiFrom", "[{\"labels\": {}}]" },
        { "networkPolicy.metricsFrom", "\"monitoring\"" },
        { "extraEnv", "[{\"name\": \"DPATTN__ROLE\", \"value\": \"all\"}]" },
        { "extraEnv", "[{\"value\": \"x\"}]" },
        { "metrics.serviceMonitor.interval", "\"soon\"" },
        { "migration.enabled", "1" },
        { "anything", "1" },
    };

    [Theory]
    [MemberData(nameof(Variants))]
    public async Task The_values_that_are_rendered_pass(string variant)
    {
        var schema = await JsonSchema.FromFileAsync(SchemaFile, TestContext.Current.CancellationToken);
        Assert.Empty(schema.Validate(Values(variant).ToJsonString()));
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task A_wrong_value_is_refused_where_it_stands(string path, string value)
    {
        var schema = await JsonSchema.FromFileAsync(SchemaFile, TestContext.Current.CancellationToken);
        var values = Values("default");
        Set(values, path, JsonNode.Parse(value));
        var faults = schema.Validate(values.ToJsonString());
        Assert.NotEmpty(faults);
        // It is this fault and no other: without it there is none.
        var first = path.Split('.')[0];
        Assert.All(faults, fault => Assert.StartsWith($"#/{first}", fault.Path));
    }

    [Fact]
    public void Further_settings_are_those_of_the_server_with_their_bounds_but_for_what_the_chart_states_itself()
    {
        var schema = JsonNode.Parse(File.ReadAllText(SchemaFile))!;
        var known = schema["definitions"]!["settings"]!["properties"]!.AsObject();
        var properties = typeof(ServerOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanWrite).ToList();
        Assert.All(Own, name => Assert.Contains(properties, property => property.Name == name));
        Assert.Equal(properties.Select(property => property.Name).Except(Own).Order(), known.Select(one => one.Key).Order());
        foreach (var property in properties.Where(property => !Own.Contains(property.Name)))
        {
            var stated = known[property.Name]!;
            if (property.GetCustomAttribute<RangeAttribute>() is { } range)
                Assert.Equal(("integer", (int)range.Minimum, (int)range.Maximum), ((string)stated["type"]!, (int)stated["minimum"]!, (int)stated["maximum"]!));
            else if (property.GetCustomAttribute<AllowedValuesAttribute>() is { } allowed)
                Assert.Equal(allowed.Values, stated["enum"]!.AsArray().Select(one => (object?)(string?)one));
            else
                Assert.Equal("""{"type":"string"}""", stated.ToJsonString());
        }
    }

    /// <summary>The chart's values with a file's over them, as helm has them before it asks the schema.</summary>
    private static JsonObject Values(string variant)
    {
        var values = Yaml.ToJson(File.ReadAllText(Path.Combine(ChartRenderer.Folder, "values.yaml"))).AsObject();
        if (ChartRenderer.Variants[variant] is { } file)
            Merge(values, Yaml.ToJson(File.ReadAllText(file)).AsObject());
        return values;
    }

    private static void Merge(JsonObject into, JsonObject from)
    {
        foreach (var (name, value) in from)
        {
            if (value is JsonObject inner && into[name] is JsonObject outer)
                Merge(outer, inner);
            else
                into[name] = value?.DeepClone();
        }
    }

    private static void Set(JsonObject values, string path, JsonNode? value)
    {
        var parts = path.Split('.');
        foreach (var part in parts[..^1])
            values = (values[part] ??= new JsonObject()).AsObject();
        values[parts[^1]] = value;
    }
}
