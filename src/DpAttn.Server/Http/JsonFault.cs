using System.Text.Json;
using System.Text.RegularExpressions;
using DpAttn.Cluster;
using DpAttn.Contracts;

namespace DpAttn.Server.Http;

/// <summary>What is wrong with a JSON body, in the caller's terms: a path, what, and where. Never a value.</summary>
internal static partial class JsonFault
{
    /// <summary>The refusal of a body that the serializer could not read.</summary>
    public static ProblemException Of(JsonException exception, string where = "")
    {
        var path = exception.Path is { Length: > 0 and <= LongestPath } known ? known : "$";
        return Refuse(where, path, What(exception), exception.LineNumber, exception.BytePositionInLine, exception);
    }

    /// <summary>The refusal of a value that a reader of ours did not expect.</summary>
    public static ProblemException At(string path, string what, string where = "") => Refuse(where, path, what, null, null, null);

    private const int LongestPath = 200;

    private static ProblemException Refuse(string where, string path, string what, long? line, long? position, Exception? inner)
    {
        var place = line is { } l && position is { } p ? $" (line {l + 1}, byte {p + 1})" : "";
        return new ProblemException(ProblemCodes.InvalidRequest, $"{where}{path}: {what}{place}", inner);
    }

    private static string What(JsonException exception)
    {
        var message = exception.Message;
        if (Missing().Match(message) is { Success: true } missing)
            return $"{missing.Groups[1].Value} is missing";
        if (Unknown().Match(message) is { Success: true } unknown)
            return $"'{Printable(unknown.Groups[1].Value)}' is no member here";
        if (message.StartsWith("Duplicate property", StringComparison.Ordinal))
            return "a member stands twice";
        if (message.Contains("doesn't allow setting null values", StringComparison.Ordinal) || message.Contains("doesn't allow null values", StringComparison.Ordinal))
            return "null is not allowed here";
        if (message.Contains("could not be converted to", StringComparison.Ordinal))
            return $"{Expected(exception)} is needed here";
        if (message.StartsWith("the number", StringComparison.Ordinal))
            return "the number is beyond what 64 bits can hold";
        return "this is not well-formed JSON";
    }

    // The serializer says what it wanted in the inner message where that is a value, else by the type that it was building.
    private static string Expected(JsonException exception) => (exception.InnerException?.Message ?? "", exception.Message) switch
    {
        var (inner, _) when inner.EndsWith("Int32.", StringComparison.Ordinal) => "a whole number of 32 bits",
        var (inner, _) when inner.EndsWith("Int64.", StringComparison.Ordinal) => "a whole number of 64 bits",
        var (inner, _) when inner.EndsWith("as a number.", StringComparison.Ordinal) => "a number",
        var (inner, _) when inner.EndsWith("as a string.", StringComparison.Ordinal) => "a text",
        var (inner, _) when inner.EndsWith("as a boolean.", StringComparison.Ordinal) => "true or false",
        var (_, outer) when outer.Contains("List`1", StringComparison.Ordinal) => "an array",
        _ => "an object",
    };

    internal static string Printable(string name)
    {
        const int Longest = 40;
        var shown = new string([.. name.Take(Longest).Select(c => c is >= ' ' and <= '~' ? c : '?')]);
        return name.Length <= Longest ? shown : shown + "...";
    }

    [GeneratedRegex(@"missing required properties including: (.+?)\.")]
    private static partial Regex Missing();

    [GeneratedRegex(@"The JSON property '(.*)' could not be mapped", RegexOptions.Singleline)]
    private static partial Regex Unknown();
}
