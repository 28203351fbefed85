namespace DpAttn.Client.Internal;

/// <summary>What may stand in the Authorization header. HttpHeaders' own refusal would repeat the value.</summary>
internal static class Credential
{
    public const int LongestLength = 16 * 1024;

    public static bool IsSendable(string? credential) =>
        credential is { Length: > 0 and <= LongestLength } && credential.AsSpan().IndexOfAnyExceptInRange('!', '~') < 0;
}
