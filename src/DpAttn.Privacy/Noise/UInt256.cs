using System.Numerics;

namespace DpAttn.Privacy;

/// <summary>
/// The few operations on 256-bit integers that the rejection test needs. At sigma = 2^57 its denominators reach
/// 2^246, far beyond the framework's 128 bits.
/// </summary>
internal readonly record struct UInt256(ulong L0, ulong L1, ulong L2, ulong L3)
{
    public static UInt256 From(UInt128 value) => new((ulong)value, (ulong)(value >> 64), 0, 0);

    /// <summary>The full product of two 128-bit integers.</summary>
    public static UInt256 Multiply(UInt128 a, UInt128 b)
    {
        ulong a0 = (ulong)a, a1 = (ulong)(a >> 64), b0 = (ulong)b, b1 = (ulong)(b >> 64);
        var low = Math.BigMul(a0, b0);
        UInt128 cross1 = Math.BigMul(a0, b1), cross2 = Math.BigMul(a1, b0);
        var high = Math.BigMul(a1, b1);
        var middle = (low >> 64) + (ulong)cross1 + (ulong)cross2;
        high += (cross1 >> 64) + (cross2 >> 64) + (middle >> 64);
        return new((ulong)low, (ulong)middle, (ulong)high, (ulong)(high >> 64));
    }

    /// <summary>The product with a 64-bit integer: 320 bits, the fifth limb in <paramref name="carry"/>.</summary>
    public UInt256 Multiply(ulong factor, out ulong carry)
    {
        var p0 = Math.BigMul(L0, factor);
        var p1 = Math.BigMul(L1, factor) + (ulong)(p0 >> 64);
        var p2 = Math.BigMul(L2, factor) + (ulong)(p1 >> 64);
        var p3 = Math.BigMul(L3, factor) + (ulong)(p2 >> 64);
        carry = (ulong)(p3 >> 64);
        return new((ulong)p0, (ulong)p1, (ulong)p2, (ulong)p3);
    }

    public static bool operator <(UInt256 a, UInt256 b) =>
        a.L3 != b.L3 ? a.L3 < b.L3 : a.L2 != b.L2 ? a.L2 < b.L2 : a.L1 != b.L1 ? a.L1 < b.L1 : a.L0 < b.L0;

    public static bool operator >(UInt256 a, UInt256 b) => b < a;

    public static bool operator >=(UInt256 a, UInt256 b) => !(a < b);

    public static bool operator <=(UInt256 a, UInt256 b) => !(b < a);

    /// <summary>The difference modulo 2^256.</summary>
    public static UInt256 operator -(UInt256 a, UInt256 b)
    {
        var d0 = (UInt128)a.L0 - b.L0;
        var d1 = (UInt128)a.L1 - b.L1 - Borrow(d0);
        var d2 = (UInt128)a.L2 - b.L2 - Borrow(d1);
        var d3 = (UInt128)a.L3 - b.L3 - Borrow(d2);
        return new((ulong)d0, (ulong)d1, (ulong)d2, (ulong)d3);
    }

    public BigInteger ToBigInteger() =>
        ((BigInteger)L3 << 192) + ((BigInteger)L2 << 128) + ((BigInteger)L1 << 64) + L0;

    private static UInt128 Borrow(UInt128 difference) => (difference >> 64) != 0 ? UInt128.One : UInt128.Zero;
}
