using DpAttn.Server;
using Microsoft.Extensions.Configuration;

namespace DpAttn.Deploy.Tests.Support;

/// <summary>What the server's own code makes of an environment.</summary>
internal static class ServerSettings
{
    private const string Prefix = "DPATTN__";

    /// <summary>Reads and checks settings as the server does at its start.</summary>
    /// <exception cref="SettingsException">It would not start; the message names what is wrong.</exception>
    public static ServerOptions Read(IEnumerable<KeyValuePair<string, string>> environment) => ServerOptions.Read(new ConfigurationBuilder()
        .AddInMemoryCollection(environment.Where(one => one.Key.StartsWith(Prefix, StringComparison.Ordinal)).Select(one => new KeyValuePair<string, string?>(one.Key.Replace("__", ":", StringComparison.Ordinal), one.Value)))
        .Build());

    /// <summary>Every setting is one that the server knows and takes; under any other name it is refused, by that name, and so is a number that is none.</summary>
    public static void AssertKnown(IReadOnlyDictionary<string, string> environment)
    {
        Read(environment);
        Assert.NotEmpty(environment);
        foreach (var name in environment.Keys)
        {
            if (!name.StartsWith(Prefix, StringComparison.Ordinal))
            {
                // Read by the runtime and by OpenTelemetry's SDK.
                Assert.Matches("^(OTEL|DOTNET)_", name);
                continue;
            }
            var setting = name[Prefix.Length..];
            var renamed = environment.ToDictionary(one => one.Key == name ? name + "X" : one.Key, one => one.Value);
            Assert.Contains($"DpAttn:{setting}X is no setting", Assert.Throws<SettingsException>(() => Read(renamed)).Message);
            var property = Assert.Single(typeof(ServerOptions).GetProperties(), property => property.Name.Equals(setting, StringComparison.OrdinalIgnoreCase));
            if (property.PropertyType == typeof(int))
            {
                var wrong = new Dictionary<string, string>(environment) { [name] = "many" };
                Assert.Contains($"DpAttn:{property.Name} is 'many'", Assert.Throws<SettingsException>(() => Read(wrong)).Message);
            }
        }
    }
}
