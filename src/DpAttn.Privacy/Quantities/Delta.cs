namespace DpAttn.Privacy;

/// <summary>The delta of (epsilon, delta)-differential privacy: a probability strictly between 0 and 1.</summary>
public readonly record struct Delta : IComparable<Delta>
{
    /// <summary>
    /// The smallest delta that is ever claimed for a service, 2^-100: noise comes from a keyed stream, so the guarantee
    /// is computational and a smaller claim would be about the cipher, not about the mechanism.
    /// </summary>
    public static readonly Delta SmallestClaimed = new(Math.ScaleB(1, -100));

    private readonly double _value;

    /// <summary>A delta.</summary>
    /// <exception cref="ArgumentOutOfRangeException">NaN, not above 0, or not below 1.</exception>
    public Delta(double value)
    {
        if (!(value > 0 && value < 1))
            throw new ArgumentOutOfRangeException(nameof(value), value, "delta must lie strictly between 0 and 1");
        _value = value;
    }

    /// <summary>A delta that a store may promise: at least <see cref="SmallestClaimed"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [2^-100, 1).</exception>
    public static Delta Claimed(double value)
    {
        var delta = new Delta(value);
        return delta.Value >= SmallestClaimed.Value
            ? delta
            : throw new ArgumentOutOfRangeException(nameof(value), value, "delta must be at least 2^-100 (7.9e-31): noise from a keyed stream supports no smaller claim");
    }

    /// <summary>The number itself. A default-constructed delta reads as the smallest positive number, never as 0.</summary>
    public double Value => _value == 0 ? double.Epsilon : _value;

    /// <inheritdoc/>
    public int CompareTo(Delta other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("G15");
}
