using System.Text.Json;
using System.Text.Json.Serialization;

namespace DpAttn.Client.Internal;

/// <summary>Reads a matrix of finite numbers straight into arrays: answers to large batches are mostly this.</summary>
internal sealed class NumberMatrixConverter : JsonConverter<IReadOnlyList<IReadOnlyList<double>>>
{
    public override IReadOnlyList<IReadOnlyList<double>> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        MatrixJson.Read(ref reader, static (ref Utf8JsonReader r) => MatrixJson.ReadNumber(ref r));

    public override void Write(Utf8JsonWriter writer, IReadOnlyList<IReadOnlyList<double>> value, JsonSerializerOptions options) =>
        MatrixJson.Write(writer, value, static (w, x) => w.WriteNumberValue(x));
}
