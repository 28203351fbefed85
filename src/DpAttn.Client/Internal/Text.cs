namespace DpAttn.Client.Internal;

/// <summary>Makes a server's text fit for exceptions, logs and terminals.</summary>
internal static class Text
{
    public const int LongestLength = 2000;

    /// <summary>One line of bounded length, without control characters.</summary>
    public static string Clean(string text) => WithoutControls(text.Length > LongestLength ? text[..LongestLength] + "..." : text);

    /// <summary>Blanks in place of control characters and of those that change the direction of text.</summary>
    public static string WithoutControls(string text) => text.Any(IsControl)
        ? string.Create(text.Length, text, static (to, from) =>
        {
            for (var i = 0; i < to.Length; i++)
                to[i] = IsControl(from[i]) ? ' ' : from[i];
        })
        : text;

    private static bool IsControl(char c) => char.IsControl(c) || c is >= '\u2028' and <= '\u202e' or >= '\u2066' and <= '\u2069';
}
