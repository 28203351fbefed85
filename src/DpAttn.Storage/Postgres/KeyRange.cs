using System.Text;

namespace DpAttn.Storage;

/// <summary>The range of keys that start with a prefix, in the order of their bytes of UTF-8 (which is that of their code points).</summary>
internal static class KeyRange
{
    /// <summary>The least text above all that start with a prefix; null when there is none.</summary>
    public static string? After(string prefix)
    {
        var runes = prefix.EnumerateRunes().ToList();
        while (runes.Count > 0)
        {
            var last = runes[^1].Value;
            runes.RemoveAt(runes.Count - 1);
            if (last == 0x10FFFF)
                continue;
            // Past the surrogates, which are no code points of text.
            runes.Add(new Rune(last == 0xD7FF ? 0xE000 : last + 1));
            return string.Concat(runes);
        }
        return null;
    }

    /// <summary>Whether the database can hold a text: no NUL, no half of a surrogate pair.</summary>
    public static bool IsText(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\0')
                return false;
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                i++;
            else if (char.IsSurrogate(text[i]))
                return false;
        }
        return true;
    }
}
