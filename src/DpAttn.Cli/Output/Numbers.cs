using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace DpAttn.Cli.Output;

/// <summary>How numbers are shown: 15 digits in JSON, a few in tables.</summary>
internal static class Numbers
{
    public static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Converters = { new FifteenDigits() },
    };

    public static string Short(double value) => value.ToString("G4", CultureInfo.InvariantCulture);

    public static string Share(double value) => (100 * value).ToString("F1", CultureInfo.InvariantCulture) + " %";

    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>15 significant digits; what is not finite is null, since JSON has no word for it.</summary>
    private sealed class FifteenDigits : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (double.IsFinite(value))
                writer.WriteRawValue(value.ToString("G15", CultureInfo.InvariantCulture));
            else
                writer.WriteNullValue();
        }
    }
}
