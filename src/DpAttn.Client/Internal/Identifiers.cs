using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace DpAttn.Client.Internal;

/// <summary>Ids that the client makes or puts into an address.</summary>
internal static class Identifiers
{
    public const int LongestLength = 128;

    /// <summary>Room for a hyphen and a batch's number.</summary>
    public const int LongestPrefix = LongestLength - 12;

    /// <summary>A fresh idempotency key: 128 random bits.</summary>
    public static string NewKey() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    /// <summary>1 to 128 printable ASCII characters without spaces, as the server's ids are; the message does not repeat it.</summary>
    public static string Require(string id, int longest = LongestLength, [CallerArgumentExpression(nameof(id))] string? name = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(id, name);
        if (id.Length > longest)
            throw new ArgumentException($"{name} has at most {longest} characters, not {id.Length}", name);
        if (id.AsSpan().IndexOfAnyExceptInRange('!', '~') >= 0)
            throw new ArgumentException($"{name} has printable ASCII characters without spaces only", name);
        return id;
    }

    /// <summary>A piece of a path, escaped. '.' and '..' would change the path and are refused.</summary>
    public static string PathSegment(string id, [CallerArgumentExpression(nameof(id))] string? name = null) =>
        Require(id, LongestLength, name) is "." or ".."
            ? throw new ArgumentException($"{name} must not be '.' or '..'", name)
            : Uri.EscapeDataString(id);
}
