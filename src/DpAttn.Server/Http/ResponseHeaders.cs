namespace DpAttn.Server.Http;

/// <summary>Headers that every response carries.</summary>
internal static class ResponseHeaders
{
    public const string IdempotencyKey = "Idempotency-Key";
    public const string IdempotencyReplayed = "Idempotency-Replayed";
    public const string EpsilonCharged = "Privacy-Epsilon-Charged";
    public const string EpsilonSpent = "Privacy-Epsilon-Spent";
    public const string EpsilonRemaining = "Privacy-Epsilon-Remaining";
    public const string AboutMore = "Privacy-About-More";
    public const string Delta = "Privacy-Delta";
    public const string Release = "Privacy-Release";
    public const string Tier = "Privacy-Tier";
    public const string TierEpsilon = "Privacy-Tier-Epsilon";
    public const string SlotsCovered = "Privacy-Slots-Covered";
    public const string BlocksFrom = "Privacy-Blocks-From";
    public const string BlocksTo = "Privacy-Blocks-To";
    public const string KernelErrorBound = "Privacy-Kernel-Error-Bound";

    /// <summary>Answers are private: nobody keeps them or guesses their type.</summary>
    public static void Protect(HttpResponse response)
    {
        response.Headers.CacheControl = "no-store";
        response.Headers.XContentTypeOptions = "nosniff";
    }
}
