namespace DpAttn.Server.Http;

/// <summary>What of a request's time looking at its credential took.</summary>
internal sealed record AuthenticationTime(TimeSpan Spent);
