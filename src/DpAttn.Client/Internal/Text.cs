namespace DpAttn.Client.Internal;

/// <summary>Makes a server's text fit for exceptions, logs and terminals.</summary>
internal static class Text
{
    public const int LongestLength = 2000;

    /// <summary>One line of bounded length, without control characters.</summary>
    public static string Clean(string text)
    {
        var cut = text.Length > LongestLength ? text[..LongestLength] + "..." : text;
        return cut.AsSpan().ContainsAnyInRange('\0', '\u001f') || cut.AsSpan().ContainsAnyInRange('\u007f', '\u009f') || cut.AsSpan().ContainsAnyInRange('\u2028', '\u202e')
            ? string.Create(cut.Length, cut, static (to, from) =>
            {
                for (var i = 0; i < to.Length; i++)
                    to[i] = char.IsControl(from[i]) || from[i] is >= '\u2028' and <= '\u202e' ? ' ' : from[i];
            })
            : cut;
    }
}
