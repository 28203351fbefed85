using Microsoft.Extensions.Options;

namespace DpAttn.Client.Internal;

/// <summary>Refuses options that cannot work, naming each and its bound; never repeating the credential.</summary>
internal sealed class OptionsValidator : IValidateOptions<DpAttentionOptions>
{
    private static readonly TimeSpan ShortestPoll = TimeSpan.FromMilliseconds(10);

    public ValidateOptionsResult Validate(string? name, DpAttentionOptions options)
    {
        var faults = Faults(options).ToList();
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }

    /// <summary>A validated copy: later changes of the original have no effect.</summary>
    /// <exception cref="ArgumentException">An option is impossible.</exception>
    public static DpAttentionOptions Require(DpAttentionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var copy = options.Copy();
        var faults = Faults(copy).ToList();
        return faults.Count == 0 ? copy : throw new ArgumentException(string.Join("; ", faults), nameof(options));
    }

    private static IEnumerable<string> Faults(DpAttentionOptions o)
    {
        if (o.Endpoint is null)
            yield return "Endpoint is missing: the server's address, such as https://attention.example.org/";
        else if (!o.Endpoint.IsAbsoluteUri || (o.Endpoint.Scheme != Uri.UriSchemeHttp && o.Endpoint.Scheme != Uri.UriSchemeHttps))
            yield return "Endpoint must be an absolute http or https address";
        else if (o.Endpoint.UserInfo.Length > 0 || o.Endpoint.Query.Length > 0 || o.Endpoint.Fragment.Length > 0)
            yield return "Endpoint must not hold a user, a query or a fragment";
        else if (o.Endpoint.Scheme == Uri.UriSchemeHttp && !o.Endpoint.IsLoopback && !o.AllowPlainHttp)
            yield return $"Endpoint {o.Endpoint.GetLeftPart(UriPartial.Authority)} is http and not this machine, so the credential would travel unencrypted; use https, or set AllowPlainHttp";

        if (o.CredentialProvider is null)
        {
            if (string.IsNullOrEmpty(o.ApiKey))
                yield return "ApiKey is missing (or set CredentialProvider)";
            else if (!Credential.IsSendable(o.ApiKey))
                yield return $"ApiKey must be at most {Credential.LongestLength} printable ASCII characters without spaces";
        }
        else if (o.ApiKey is not null)
        {
            yield return "ApiKey and CredentialProvider are both set; set one of them";
        }

        if (!IsWait(o.Timeout))
            yield return $"Timeout must be above 0 and at most 1 h, not {o.Timeout}";
        if (o.MaxRetries is < 0 or > 20)
            yield return $"MaxRetries must be from 0 to 20, not {o.MaxRetries}";
        if (!IsWait(o.RetryDelay))
            yield return $"RetryDelay must be above 0 and at most 1 h, not {o.RetryDelay}";
        if (!IsWait(o.MaxRetryDelay) || o.MaxRetryDelay < o.RetryDelay)
            yield return $"MaxRetryDelay must be at least RetryDelay ({o.RetryDelay}) and at most 1 h, not {o.MaxRetryDelay}";
        if (o.MaxRetryAfter < TimeSpan.Zero || o.MaxRetryAfter > DpAttentionOptions.LongestWait)
            yield return $"MaxRetryAfter must be from 0 to 1 h, not {o.MaxRetryAfter}";
        if (o.BatchBytes is < 1024 or > (64 << 20))
            yield return $"BatchBytes must be from 1024 to {64 << 20}, not {o.BatchBytes}";
        if (o.BatchRows < 1)
            yield return $"BatchRows must be at least 1, not {o.BatchRows}";
        if (o.UploadsInFlight is < 1 or > 16)
            yield return $"UploadsInFlight must be from 1 to 16, not {o.UploadsInFlight}";
        if (o.MaxResponseBytes < 64 * 1024)
            yield return $"MaxResponseBytes must be at least {64 * 1024}, not {o.MaxResponseBytes}";
        if (o.PublishPollDelay < ShortestPoll || o.PublishPollDelay > DpAttentionOptions.LongestWait)
            yield return $"PublishPollDelay must be from 10 ms to 1 h, not {o.PublishPollDelay}";
    }

    private static bool IsWait(TimeSpan wait) => wait > TimeSpan.Zero && wait <= DpAttentionOptions.LongestWait;
}
