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

    /// <summary>Four significant digits.</summary>
    public static string Short(double value) => Digits(value, 4);

    /// <summary>15 significant digits.</summary>
    public static string Long(double value) => Digits(value, 15);

    public static string Share(double value) => (100 * value).ToString("F1", CultureInfo.InvariantCulture) + " %";

    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A number as people type it: 1e-6, not 1E-06.</summary>
    private static string Digits(double value, int digits)
    {
        var text = value.ToString("G" + digits, CultureInfo.InvariantCulture);
        var e = text.IndexOf('E', StringComparison.Ordinal);
        return e < 0 ? text : $"{text[..e]}e{int.Parse(text.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)}";
    }

    /// <summary>15 significant digits; what is not finite is null, since JSON has no word for it.</summary>
    private sealed class FifteenDigits : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (double.IsFinite(value))
                writer.WriteRawValue(Long(value));
            else
                writer.WriteNullValue();
        }
    }
}
