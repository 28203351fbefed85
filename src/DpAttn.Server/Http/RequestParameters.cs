using System.Globalization;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Server.Http;

/// <summary>Query parameters and headers, read strictly: a misspelt one is refused rather than ignored.</summary>
internal static class RequestParameters
{
    public const int DefaultLimit = 100;
    public const int LargestLimit = 1000;

    /// <summary>Refuses parameters that an endpoint does not know, and any that stands twice.</summary>
    public static void Allow(HttpContext context, params ReadOnlySpan<string> known)
    {
        if (!context.Request.QueryString.HasValue)
            return;
        foreach (var (name, values) in context.Request.Query)
        {
            if (!known.Contains(name))
                throw Refuse($"query parameter '{JsonFault.Printable(name)}' is unknown; {(known.IsEmpty ? "none is known here" : $"known here: {string.Join(", ", known.ToArray())}")}");
            if (values.Count > 1)
                throw Refuse($"query parameter '{name}' stands {values.Count} times");
        }
    }

    public static string? Text(HttpContext context, string name) => context.Request.Query[name] is [{ Length: > 0 } text] ? text : null;

    public static bool Switch(HttpContext context, string name) => Text(context, name) switch
    {
        null or "false" => false,
        "true" => true,
        _ => throw Refuse($"query parameter '{name}' must be true or false"),
    };

    public static long? Whole(HttpContext context, string name, long least, long most) => Text(context, name) switch
    {
        null => null,
        var text when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most => number,
        _ => throw Refuse($"query parameter '{name}' must be a whole number from {least} to {most}"),
    };

    public static double? Number(HttpContext context, string name) => Text(context, name) switch
    {
        null => null,
        var text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) => number,
        _ => throw Refuse($"query parameter '{name}' must be a finite number"),
    };

    public static int Limit(HttpContext context) => (int)(Whole(context, "limit", 1, LargestLimit) ?? DefaultLimit);

    /// <summary>The idempotency key, or null.</summary>
    /// <exception cref="ProblemException">invalid_request: it is no id, or there are several.</exception>
    public static string? IdempotencyKey(HttpContext context)
    {
        var header = context.Request.Headers[ResponseHeaders.IdempotencyKey];
        if (header.Count == 0)
            return null;
        if (header.Count > 1)
            throw Refuse($"header {ResponseHeaders.IdempotencyKey} stands {header.Count} times");
        try
        {
            return new RequestId(header[0]!).Value;
        }
        catch (ArgumentException e)
        {
            throw Refuse($"header {ResponseHeaders.IdempotencyKey}: {ProblemTranslator.FirstLine(e.Message)}");
        }
    }

    public static string RequireIdempotencyKey(HttpContext context) => IdempotencyKey(context)
        ?? throw Refuse($"header {ResponseHeaders.IdempotencyKey} is missing: it names the batch, so that sending it again adds nothing twice");

    public static ProblemException Refuse(string detail) => new(ProblemCodes.InvalidRequest, detail);
}
