using DpAttn.Contracts;

namespace DpAttn.Client;

/// <summary>A call that the server refused, or that failed after all retries.</summary>
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
}

/// <summary>A limit does not admit the charge. Nothing was charged, and trying again does not help.</summary>
public sealed class PrivacyBudgetExceededException(Problem problem) : DpAttentionException(problem?.Detail ?? throw new ArgumentNullException(nameof(problem)), problem)
{
    /// <summary>What was asked for, in epsilon; null where the store's own limit refused.</summary>
    public double? Requested => Problem!.Requested;

    /// <summary>The most that one charge may still cost, in epsilon.</summary>
    public double? Remaining => Problem!.Remaining;

    /// <summary>The raise of the limit, in epsilon, that would admit the request.</summary>
    public double? ShortBy => Problem!.ShortBy;
}
