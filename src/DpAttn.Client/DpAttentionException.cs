using System.Net;
using DpAttn.Contracts;

namespace DpAttn.Client;

/// <summary>A call that the server refused, or that failed after all retries. No text of it holds rows, queries, keys or names of users.</summary>
public class DpAttentionException : Exception
{
    /// <summary>A failure.</summary>
    /// <param name="message">What went wrong.</param>
    /// <param name="problem">The server's problem, or null when it sent none.</param>
    /// <param name="inner">The cause.</param>
    public DpAttentionException(string message, Problem? problem = null, Exception? inner = null)
        : base(message, inner) => Problem = problem;

    /// <summary>The server's problem, or null.</summary>
    public Problem? Problem { get; }

    /// <summary>One of <see cref="ProblemCodes"/>, or null.</summary>
    public string? Code => Problem?.Code;

    /// <summary>The status of the last answer; null when there was none.</summary>
    public HttpStatusCode? Status { get; init; }

    /// <summary>
    /// The idempotency key that every attempt of the call carried, or null. Where the outcome is unknown, the same call with this key
    /// finds out, and can change nothing twice.
    /// </summary>
    public string? IdempotencyKey { get; init; }
}
