using System.Runtime.CompilerServices;

namespace DpAttn.Privacy;

/// <summary>The rule that all ids of the ledger share.</summary>
internal static class Identifier
{
    public const int LongestLength = 128;

    /// <summary>Returns an id of 1 to 128 printable ASCII characters, or says what is wrong without repeating it.</summary>
    public static string Require(string? value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        ArgumentNullException.ThrowIfNull(value, name);
        if (value.Length is 0 or > LongestLength)
            throw new ArgumentException($"an id has 1 to {LongestLength} characters, not {value.Length}", name);
        foreach (var c in value)
        {
            if (c is < '!' or > '~')
                throw new ArgumentException("an id has printable ASCII characters without spaces only", name);
        }
        return value;
    }
}
