using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace DpAttn.Client.Internal;

/// <summary>How long to wait before which retry.</summary>
internal static class RetrySchedule
{
    /// <summary>
    /// min(MaxRetryDelay, RetryDelay 2^retry), the upper half of it random so that many clients do not come back together; a longer
    /// Retry-After is waited for instead. Null where the server asks for more than MaxRetryAfter.
    /// </summary>
    public static TimeSpan? Next(DpAttentionOptions options, int retry, TimeSpan? retryAfter)
    {
        if (retryAfter > options.MaxRetryAfter)
            return null;
        var full = Math.Min(options.MaxRetryDelay.TotalMilliseconds, options.RetryDelay.TotalMilliseconds * Math.Pow(2, retry));
        var wait = TimeSpan.FromMilliseconds(full * (0.5 + RandomNumberGenerator.GetInt32(501) / 1000.0));
        return retryAfter > wait ? retryAfter : wait;
    }

    /// <summary>What Retry-After asks for, in seconds or as a date.</summary>
    public static TimeSpan? Asked(RetryConditionHeaderValue? header, DateTimeOffset now) =>
        header?.Delta ?? (header?.Date is { } date ? TimeSpan.FromTicks(Math.Max(0, (date - now).Ticks)) : null);
}
