namespace DpAttn.Privacy;

/// <summary>
/// An l2 sensitivity: the largest Euclidean distance between the outputs of a function on two neighbours.
/// Finite and above 0: a sensitivity of 0 is always a wrong bound, and would switch the noise off.
/// </summary>
public readonly record struct Sensitivity
{
    private readonly double _value;

    /// <summary>A sensitivity.</summary>
    /// <exception cref="ArgumentOutOfRangeException">NaN, infinite or not above 0.</exception>
    public Sensitivity(double value)
    {
        if (!(value > 0 && double.IsFinite(value)))
            throw new ArgumentOutOfRangeException(nameof(value), value, "a sensitivity must be a finite number above 0");
        _value = value;
    }

    /// <summary>The number itself.</summary>
    /// <exception cref="InvalidOperationException">On a default-constructed value, which states no sensitivity.</exception>
    public double Value => _value > 0 ? _value : throw new InvalidOperationException("this sensitivity was never stated");

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("G15");
}
