namespace DpAttn.Server.Http;

/// <summary>What a problem code means over HTTP.</summary>
/// <param name="Code">The code.</param>
/// <param name="Status">The status.</param>
/// <param name="Title">A short title.</param>
/// <param name="IsRetryable">Whether the same request may succeed later.</param>
/// <param name="RetryAfterSeconds">What Retry-After says; null for no such header.</param>
internal sealed record ProblemKind(string Code, int Status, string Title, bool IsRetryable, int? RetryAfterSeconds = null)
{
    public string Type { get; } = "urn:dpattn:problem:" + Code;
}
