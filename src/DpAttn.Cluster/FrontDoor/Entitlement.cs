using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>What a silo remembers of an account that has a grant. The conversions to epsilon take milliseconds, so they are made once.</summary>
internal sealed class Entitlement
{
    public Entitlement(AccountState state, Delta delta)
    {
        State = state;
        Spent = PrivacyLimit.ToEpsilon(state.Spent, delta).Value;
        Remaining = PrivacyLimit.ToAffordableEpsilon(state.Remaining, delta).Value;
    }

    public AccountState State { get; }

    /// <summary>In epsilon.</summary>
    public double Spent { get; }

    /// <summary>The most that one further charge may cost, in epsilon.</summary>
    public double Remaining { get; }
}
