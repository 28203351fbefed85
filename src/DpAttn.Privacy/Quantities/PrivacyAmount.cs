using System.Numerics;

namespace DpAttn.Privacy;

/// <summary>
/// What a charge costs, what an account has spent, or what a limit allows, in exact integers.
/// Gaussian privacy composes by adding mu squared, so amounts add and subtract; epsilons do not.
/// </summary>
/// <param name="MuSquared">mu squared, in units of 2^-40.</param>
/// <param name="Slack">
/// Total-variation distance between the discrete noise that is drawn and the rounded Gaussian that is analysed, in units of 2^-80.
/// </param>
public readonly record struct PrivacyAmount(long MuSquared, long Slack)
{
    /// <summary>Units of mu squared are 2^-40.</summary>
    public const int MuSquaredBits = 40;

    /// <summary>Units of slack are 2^-80.</summary>
    public const int SlackBits = 80;

    /// <summary>Nothing.</summary>
    public static PrivacyAmount Zero => default;

    /// <summary>True when neither part is negative.</summary>
    public bool IsNonNegative => MuSquared >= 0 && Slack >= 0;

    /// <summary>True when both parts are at most those of <paramref name="limit"/>.</summary>
    public bool FitsIn(PrivacyAmount limit) => MuSquared <= limit.MuSquared && Slack <= limit.Slack;

    /// <summary>How many charges of this amount fit in what is left, in both of its parts; 0 when nothing is left, or when this costs no mu squared and so is no charge.</summary>
    public long TimesIn(PrivacyAmount left)
    {
        if (!left.IsNonNegative || MuSquared <= 0)
            return 0;
        var byMu = left.MuSquared / MuSquared;
        return Slack > 0 ? Math.Min(byMu, left.Slack / Slack) : byMu;
    }

    /// <summary>floor(2^40 mu^2), exact for the part of mu above 2^-60.</summary>
    public static long FloorMuSquared(Mu mu)
    {
        var scaled = (BigInteger)Math.ScaleB(mu.Value, 60);
        return (long)((scaled * scaled) >> (120 - MuSquaredBits));
    }

    /// <summary>The mu of this amount, rounded up.</summary>
    public Mu ToMu() => new(MuSquared == 0 ? 0 : Math.BitIncrement(Math.Sqrt(Math.BitIncrement(Math.ScaleB((double)MuSquared, -MuSquaredBits)))));

    /// <summary>Adds both parts.</summary>
    /// <exception cref="OverflowException">A part leaves 64 bits.</exception>
    public static PrivacyAmount operator +(PrivacyAmount a, PrivacyAmount b) =>
        checked(new(a.MuSquared + b.MuSquared, a.Slack + b.Slack));

    /// <summary>Subtracts both parts.</summary>
    /// <exception cref="OverflowException">A part leaves 64 bits.</exception>
    public static PrivacyAmount operator -(PrivacyAmount a, PrivacyAmount b) =>
        checked(new(a.MuSquared - b.MuSquared, a.Slack - b.Slack));
}
