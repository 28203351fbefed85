namespace DpAttn.Privacy;

/// <summary>
/// The parameter of Gaussian differential privacy (Dong, Roth, Su 2019): a mechanism is mu-GDP when telling two
/// neighbours apart from its output is at least as hard as telling N(0,1) from N(mu,1). Finite and not negative.
/// </summary>
public readonly record struct Mu : IComparable<Mu>
{
    /// <summary>A mu.</summary>
    /// <exception cref="ArgumentOutOfRangeException">NaN, infinite or negative.</exception>
    public Mu(double value)
    {
        if (!(value >= 0 && double.IsFinite(value)))
            throw new ArgumentOutOfRangeException(nameof(value), value, "mu must be a finite number of at least 0");
        Value = value;
    }

    /// <summary>The number itself.</summary>
    public double Value { get; }

    /// <inheritdoc/>
    public int CompareTo(Mu other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("G15");
}
