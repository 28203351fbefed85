namespace DpAttn.Privacy;

/// <summary>
/// Where a release takes its noise from. The product has one implementation, <see cref="KeyedNoise"/>; tests record and
/// replay noise through this seam.
/// </summary>
public interface INoiseSource
{
    /// <summary>Writes the noise at an address: a pure function of the address (and of the secret behind the source).</summary>
    void Fill(NoiseAddress address, Span<long> destination);
}
