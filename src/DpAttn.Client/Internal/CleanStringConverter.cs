using System.Text.Json;
using System.Text.Json.Serialization;

namespace DpAttn.Client.Internal;

/// <summary>Takes control characters out of every text that a server sends: texts end up in logs and on terminals.</summary>
internal sealed class CleanStringConverter : JsonConverter<string>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String ? Text.WithoutControls(reader.GetString()!) : throw new JsonException($"{reader.TokenType} where a text is needed");

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);
}
