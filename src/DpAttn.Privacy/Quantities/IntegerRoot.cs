using System.Numerics;

namespace DpAttn.Privacy;

/// <summary>Exact roots of integers of any size: sensitivities are rounded upwards, never by a double.</summary>
public static class IntegerRoot
{
    /// <summary>ceil(sqrt(value)).</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value below 0.</exception>
    public static BigInteger CeilingSqrt(BigInteger value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        if (value.IsZero)
            return 0;
        // Newton's method from above falls to floor(sqrt(value)).
        var root = BigInteger.One << (int)((value.GetBitLength() + 1) / 2);
        while (true)
        {
            var next = (root + value / root) >> 1;
            if (next >= root)
                return root * root == value ? root : root + 1;
            root = next;
        }
    }
}
