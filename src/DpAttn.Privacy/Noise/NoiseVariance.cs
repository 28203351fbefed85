using System.Numerics;

namespace DpAttn.Privacy;

/// <summary>
/// The variance parameter sigma^2 of integer noise, an exact integer in squared lattice steps, from 1 to 2^114.
/// Beyond 2^114 a noise value of 64 sigma would no longer fit 64 bits.
/// </summary>
public readonly record struct NoiseVariance : IComparable<NoiseVariance>
{
    /// <summary>log2 of the largest variance.</summary>
    public const int LargestBits = 114;

    /// <summary>
    /// The smallest deviation that a release may use, 2^24 steps: below it the slack between the discrete and the rounded
    /// Gaussian is no longer negligible (mechanisms, section 4).
    /// </summary>
    public const int SmallestReleaseSigmaBits = 24;

    private readonly UInt128 _value;

    /// <summary>A variance.</summary>
    /// <exception cref="ArgumentOutOfRangeException">0, or above 2^114.</exception>
    public NoiseVariance(UInt128 value)
    {
        if (value == 0 || value > UInt128.One << LargestBits)
            throw new ArgumentOutOfRangeException(nameof(value), value, "a noise variance must lie between 1 and 2^114 squared steps");
        _value = value;
    }

    /// <summary>The number itself.</summary>
    /// <exception cref="InvalidOperationException">On a default-constructed value, which states no variance.</exception>
    public UInt128 Value => _value != 0 ? _value : throw new InvalidOperationException("this noise variance was never stated");

    /// <summary>The variance as a big integer.</summary>
    public BigInteger ToBigInteger() => (BigInteger)Value;

    /// <summary>The deviation, in lattice steps, to double precision (for error bars; never for noise).</summary>
    public Sigma Sigma => new(Math.Sqrt((double)Value));

    /// <inheritdoc/>
    public int CompareTo(NoiseVariance other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString();
}
