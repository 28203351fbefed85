using CsCheck;

namespace DpAttn.Privacy.Tests;

internal static class Edges
{
    /// <summary>One of a few values, each as often as the others.</summary>
    public static Gen<T> Of<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);
}
