using System.Text.Json;
using DpAttn.Cluster;

namespace DpAttn.Server.Rows;

/// <summary>
/// Names and texts of a body that may be no text: bytes that are not UTF-8, escapes that are half a character. The framework's reader finds that only when it is asked
/// for them, and then calls it a fault of its caller instead of the body's.
/// </summary>
internal static class JsonText
{
    /// <summary>Whether the reader stands at a text.</summary>
    /// <exception cref="ProblemException">invalid_request: what stands there is no text.</exception>
    public static bool Is(ref Utf8JsonReader reader, ReadOnlySpan<byte> text, NumberPlace place)
    {
        try
        {
            return reader.ValueTextEquals(text);
        }
        catch (InvalidOperationException)
        {
            throw NoText(place);
        }
    }

    /// <summary>The text that the reader stands at.</summary>
    /// <exception cref="ProblemException">invalid_request: what stands there is no text.</exception>
    public static string Get(ref Utf8JsonReader reader, NumberPlace place)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw NoText(place);
        }
    }

    private static ProblemException NoText(NumberPlace place) => place.Fault("a name or a text here is not valid Unicode");
}
