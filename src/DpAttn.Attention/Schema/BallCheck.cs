namespace DpAttn.Attention;

/// <summary>The check of an l2 ball, in a fixed order of operations: whether a row is accepted is the same on every machine.</summary>
internal static class BallCheck
{
    public static bool Holds(ReadOnlySpan<double> vector, double squaredLimit)
    {
        var squares = 0.0;
        foreach (var x in vector)
            squares += x * x;
        // An overflow to infinity, or a NaN, fails the comparison.
        return squares <= squaredLimit;
    }

    /// <summary>Moves a finite vector to the ball's surface, without overflow for any finite input.</summary>
    public static void Clip(Span<double> vector, double radius)
    {
        var largest = 0.0;
        foreach (var x in vector)
            largest = Math.Max(largest, Math.Abs(x));
        var squares = 0.0;
        foreach (var x in vector)
            squares += x / largest * (x / largest);
        var norm = Math.Sqrt(squares);
        for (var j = 0; j < vector.Length; j++)
            vector[j] = vector[j] / largest / norm * radius;
    }
}
