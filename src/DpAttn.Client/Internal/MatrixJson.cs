using System.Text.Json;

namespace DpAttn.Client.Internal;

/// <summary>Arrays of arrays of numbers, without boxing or lists of lists.</summary>
internal static class MatrixJson
{
    public delegate T ReadCell<out T>(ref Utf8JsonReader reader);

    public static T[][] Read<T>(ref Utf8JsonReader reader, ReadCell<T> cell)
    {
        Require(ref reader, JsonTokenType.StartArray);
        var rows = new List<T[]>();
        var cells = new List<T>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Require(ref reader, JsonTokenType.StartArray);
            cells.Clear();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                cells.Add(cell(ref reader));
            rows.Add([.. cells]);
        }
        return [.. rows];
    }

    public static double ReadNumber(ref Utf8JsonReader reader)
    {
        Require(ref reader, JsonTokenType.Number);
        var number = reader.GetDouble();
        return double.IsFinite(number) ? number : throw new JsonException("a number is out of range");
    }

    public static void Write<T>(Utf8JsonWriter writer, IReadOnlyList<IReadOnlyList<T>> matrix, Action<Utf8JsonWriter, T> cell)
    {
        writer.WriteStartArray();
        foreach (var row in matrix)
        {
            writer.WriteStartArray();
            foreach (var x in row)
                cell(writer, x);
            writer.WriteEndArray();
        }
        writer.WriteEndArray();
    }

    private static void Require(ref Utf8JsonReader reader, JsonTokenType token)
    {
        if (reader.TokenType != token)
            throw new JsonException($"{reader.TokenType} where {token} is needed");
    }
}
