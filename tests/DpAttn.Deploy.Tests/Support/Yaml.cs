using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace DpAttn.Deploy.Tests.Support;

/// <summary>YAML as the JSON that it stands for; plain scalars are numbers, switches and null as YAML 1.2 reads them.</summary>
internal static class Yaml
{
    /// <summary>Reads one document; repeated keys are refused, anchors and merge keys are followed.</summary>
    public static JsonNode ToJson(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return Convert(Assert.Single(stream.Documents).RootNode) ?? throw new InvalidOperationException("an empty document");
    }

    private static JsonNode? Convert(YamlNode node) => node switch
    {
        YamlMappingNode map => Merge(map),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Convert)]),
        YamlScalarNode { Style: ScalarStyle.Plain } scalar => Plain(scalar.Value!),
        YamlScalarNode scalar => JsonValue.Create(scalar.Value),
        _ => throw new InvalidOperationException($"{node.Start}: neither a map, a list nor a scalar"),
    };

    /// <summary>A map with what it merges beneath its own keys.</summary>
    private static JsonObject Merge(YamlMappingNode map)
    {
        const string Key = "<<";
        var result = new JsonObject();
        foreach (var (key, value) in map.Children.OrderBy(one => ((YamlScalarNode)one.Key).Value == Key ? 0 : 1))
        {
            if (((YamlScalarNode)key).Value is var name && name != Key)
            {
                result[name!] = Convert(value);
                continue;
            }
            foreach (var (inner, merged) in Merge((YamlMappingNode)value).ToList())
                result[inner] = merged?.DeepClone();
        }
        return result;
    }

    private static JsonValue? Plain(string text) => text switch
    {
        "" or "~" or "null" => null,
        "true" => JsonValue.Create(true),
        "false" => JsonValue.Create(false),
        _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => JsonValue.Create(whole),
        _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => JsonValue.Create(number),
        _ => JsonValue.Create(text),
    };
}
