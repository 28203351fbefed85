namespace DpAttn.Privacy;

/// <summary>A standard deviation of noise, in the units of what it is added to: finite and above 0.</summary>
public readonly record struct Sigma
{
    private readonly double _value;

    /// <summary>A standard deviation.</summary>
    /// <exception cref="ArgumentOutOfRangeException">NaN, infinite or not above 0.</exception>
    public Sigma(double value)
    {
        if (!(value > 0 && double.IsFinite(value)))
            throw new ArgumentOutOfRangeException(nameof(value), value, "a noise deviation must be a finite number above 0");
        _value = value;
    }

    /// <summary>The number itself.</summary>
    /// <exception cref="InvalidOperationException">On a default-constructed value, which states no deviation.</exception>
    public double Value => _value > 0 ? _value : throw new InvalidOperationException("this noise deviation was never stated");

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("G15");
}
