using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>Amounts in epsilon, each converted once: a conversion takes milliseconds, and a page of a ledger holds the same few amounts over and over.</summary>
internal sealed class Conversions(Delta delta)
{
    private readonly Dictionary<PrivacyAmount, double> _spent = [];
    private readonly Dictionary<PrivacyAmount, double> _affordable = [];

    /// <summary>The delta of every epsilon.</summary>
    public Delta Delta => delta;

    /// <summary>The epsilon of an amount that was spent, rounded up.</summary>
    public double ToEpsilon(PrivacyAmount spent) => Once(_spent, spent, static (amount, delta) => PrivacyLimit.ToEpsilon(amount, delta).Value);

    /// <summary>The epsilon of what is left, rounded down.</summary>
    public double ToAffordableEpsilon(PrivacyAmount left) => Once(_affordable, left, static (amount, delta) => PrivacyLimit.ToAffordableEpsilon(amount, delta).Value);

    private double Once(Dictionary<PrivacyAmount, double> known, PrivacyAmount amount, Func<PrivacyAmount, Delta, double> convert)
    {
        if (!known.TryGetValue(amount, out var epsilon))
            known.Add(amount, epsilon = convert(amount, delta));
        return epsilon;
    }
}
