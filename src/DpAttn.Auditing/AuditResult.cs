using System.Globalization;
using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Auditing;

/// <summary>What an audit proved about a mechanism, beside what the mechanism claims.</summary>
public sealed record AuditResult
{
    /// <summary>The mechanism.</summary>
    public required string Mechanism { get; init; }

    /// <summary>The adjacency of the claim.</summary>
    public required Adjacency Adjacency { get; init; }

    /// <summary>The claim.</summary>
    public required Epsilon Claimed { get; init; }

    /// <summary>Its delta.</summary>
    public required Delta Delta { get; init; }

    /// <summary>The largest mu that the claim allows.</summary>
    public required Mu ClaimedMu { get; init; }

    /// <summary>mu is at least this, at a confidence of <see cref="AuditSettings.Confidence"/>.</summary>
    public required Mu MuLowerBound { get; init; }

    /// <summary>That mu's epsilon at delta.</summary>
    public required Epsilon EpsilonLowerBound { get; init; }

    /// <summary>epsilon is at least this at delta, whatever the mechanism is, at the same confidence.</summary>
    public required Epsilon DirectEpsilonLowerBound { get; init; }

    /// <summary>The larger of both bounds at a confidence of 1 - 1e-6: what decides. Where it is that of mu (<see cref="IsDecidedByMu"/>), it refutes the claim of a Gaussian mechanism, which all of them make, and
    /// bounds the epsilon of no other kind of mechanism.</summary>
    public required Epsilon DecidingEpsilon { get; init; }

    /// <summary>Whether the bound of mu is the one that decides.</summary>
    public required bool IsDecidedByMu { get; init; }

    /// <summary>The distance of the neighbours over the declared sensitivity.</summary>
    public required double SensitivityReached { get; init; }

    /// <summary>Runs that were counted, on both neighbours together; learning and tuning took others.</summary>
    public required long Runs { get; init; }

    /// <summary>Whether the claim is refuted: an honest mechanism meets this with a probability of at most 1e-6.</summary>
    public bool IsRefuted => DecidingEpsilon.Value > Claimed.Value;

    /// <summary>The reported bound over the claim.</summary>
    public double Power => EpsilonLowerBound.Value / Claimed.Value;

    /// <summary>Throws if the claim is refuted.</summary>
    /// <exception cref="AuditFailedException">The claim is refuted; the message names it and the bound.</exception>
    public AuditResult Require() => IsRefuted ? throw new AuditFailedException(Refutation) : this;

    /// <summary>What is wrong, in words.</summary>
    public string Refutation => string.Create(
        CultureInfo.InvariantCulture,
        $"{Mechanism}, {(Adjacency == Adjacency.ReplaceOne ? "replace-one" : "add-remove")}: claims epsilon {Claimed.Value:G6} at delta {Delta.Value:G6}, and {(IsDecidedByMu ? "its noise is that of an epsilon of" : "loses an epsilon of")} at least {DecidingEpsilon.Value:G6} (confidence 1 - 1e-6, {Runs} runs)");
}
