using System.Text.Json;

namespace DpAttn.Cli.Remote;

/// <summary>JSON with every digit of every number, for what is computed with further.</summary>
internal static class FullJson
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web) { WriteIndented = true };
}
