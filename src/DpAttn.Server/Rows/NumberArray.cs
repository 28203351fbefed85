using System.Text.Json;
using DpAttn.Cluster;
using DpAttn.Server.Http;

namespace DpAttn.Server.Rows;

/// <summary>Where in a body an array of numbers stands; put into words only when something is wrong with it.</summary>
/// <param name="Member">The member's path.</param>
/// <param name="Index">The element of the member, or -1.</param>
/// <param name="Row">The line of the body, or -1.</param>
internal readonly record struct NumberPlace(string Member, int Index = -1, int Row = -1)
{
    public ProblemException Fault(string what, int element = -1) =>
        JsonFault.At($"{Member}{Bracket(Index)}{Bracket(element)}", what, Row < 0 ? "" : $"row {Row}: ");

    private static string Bracket(int index) => index < 0 ? "" : $"[{index}]";
}

/// <summary>Reads an array of numbers straight into a buffer.</summary>
internal static class NumberArray
{
    /// <summary>Reads the array that the reader stands at, to its end.</summary>
    /// <returns>How many numbers it has, at least 1.</returns>
    public static int Read(ref Utf8JsonReader reader, ref DoubleBuffer numbers, NumberPlace place)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw place.Fault("an array of numbers is needed here");
        var before = numbers.Count;
        while (reader.Read() && reader.TokenType == JsonTokenType.Number)
        {
            if (!reader.TryGetDouble(out var number) || !double.IsFinite(number))
                throw place.Fault("the number is beyond what 64 bits can hold", numbers.Count - before);
            numbers.Add(number);
        }
        if (reader.TokenType != JsonTokenType.EndArray)
            throw place.Fault("a number is needed here", numbers.Count - before);
        return numbers.Count > before ? numbers.Count - before : throw place.Fault("it has no numbers");
    }
}
