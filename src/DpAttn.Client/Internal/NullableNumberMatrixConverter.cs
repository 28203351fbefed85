using System.Text.Json;
using System.Text.Json.Serialization;

namespace DpAttn.Client.Internal;

/// <summary>As <see cref="NumberMatrixConverter"/>, with null where there is no number.</summary>
internal sealed class NullableNumberMatrixConverter : JsonConverter<IReadOnlyList<IReadOnlyList<double?>>>
{
    public override IReadOnlyList<IReadOnlyList<double?>> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        MatrixJson.Read<double?>(ref reader, static (ref Utf8JsonReader r) => r.TokenType == JsonTokenType.Null ? null : MatrixJson.ReadNumber(ref r));

    public override void Write(Utf8JsonWriter writer, IReadOnlyList<IReadOnlyList<double?>> value, JsonSerializerOptions options) =>
        MatrixJson.Write(writer, value, static (w, x) =>
        {
            if (x is { } number)
                w.WriteNumberValue(number);
            else
                w.WriteNullValue();
        });
}
