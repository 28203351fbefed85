using Microsoft.Net.Http.Headers;

namespace DpAttn.Server.Http;

/// <summary>Chooses the media type of a response.</summary>
internal static class Negotiation
{
    /// <summary>The supported type that the caller likes best; the first one when nothing is asked for.</summary>
    /// <exception cref="StatusException">406: none of them.</exception>
    public static string Select(HttpContext context, params ReadOnlySpan<string> supported)
    {
        var accept = context.Request.Headers.Accept;
        if (accept.Count == 0 || (accept.Count == 1 && (accept[0] is "*/*" || string.Equals(accept[0], supported[0], StringComparison.OrdinalIgnoreCase))))
            return supported[0];
        string? best = null;
        var bestQuality = 0.0;
        if (MediaTypeHeaderValue.TryParseList(accept, out var ranges))
        {
            foreach (var type in supported)
            {
                var quality = QualityOf(new MediaTypeHeaderValue(type), ranges);
                if (quality > bestQuality)
                    (best, bestQuality) = (type, quality);
            }
        }
        return best ?? throw StatusException.NotAcceptable(supported.ToArray());
    }

    private static double QualityOf(MediaTypeHeaderValue type, IList<MediaTypeHeaderValue> ranges)
    {
        // The most specific range that fits decides (RFC 9110, section 12.5.1).
        var (quality, specificity) = (0.0, -1);
        foreach (var range in ranges)
        {
            if (!type.IsSubsetOf(range))
                continue;
            var own = range.MatchesAllTypes ? 0 : range.MatchesAllSubTypes ? 1 : 2;
            if (own > specificity)
                (quality, specificity) = (range.Quality ?? 1, own);
        }
        return quality;
    }
}
