namespace DpAttn.Attention;

/// <summary>
/// Remez exchange for the polynomial p of a degree that minimises max |p(t) e^-t - 1| on [-L, L]. The functions
/// t^j e^-t form a Chebyshev system, so the best p is unique and its error alternates at degree + 2 points. Only IEEE
/// operations in a fixed order are used: the coefficients are the same on every machine.
/// </summary>
internal static class RelativeMinimax
{
    private const int GridPoints = 4096;
    private const int MostRounds = 64;
    private const double Converged = 1e-9;

    // The rounding of one evaluation of p(t) e^-t - 1.
    private const double ErrorRounding = 1e-14;

    // Below this the error curve is rounding, and any levelled polynomial is as good as the best.
    private const double DoublePrecisionFloor = 1e-12;

    /// <summary>The coefficients c_0 .. c_degree.</summary>
    /// <exception cref="ArgumentException">The exchange does not converge, which happens only where doubles no longer resolve the error.</exception>
    public static double[] Fit(double largest, int degree)
    {
        var points = ChebyshevExtrema(degree + 2);
        for (var round = 0; round < MostRounds; round++)
        {
            // In x = t / L, so that the system is well conditioned.
            var scaled = SolveEqualError(points, largest, degree, out var levelled);
            var extrema = Alternation(scaled, largest);
            if (extrema.Max(x => Math.Abs(Error(scaled, x, largest))) <= DoublePrecisionFloor)
                return Unscale(scaled, largest);
            if (extrema.Length != degree + 2)
                break;
            var worst = 0.0;
            foreach (var x in extrema)
                worst = Math.Max(worst, Math.Abs(Error(scaled, x, largest)));
            points = extrema;
            if (worst - Math.Abs(levelled) <= Converged * worst + ErrorRounding)
                return Unscale(scaled, largest);
        }
        throw new ArgumentException($"no minimax polynomial of degree {degree} on [-{largest:G6}, {largest:G6}] within double precision; use a smaller degree");
    }

    private static double Error(double[] scaled, double x, double largest)
    {
        var p = 0.0;
        for (var j = scaled.Length - 1; j >= 0; j--)
            p = p * x + scaled[j];
        return p * DeterministicMath.Exp(-largest * x) - 1;
    }

    // Extrema of a Chebyshev polynomial by the half-angle recurrence of the cosine would need a cosine; a rational stand-in
    // with the same crowding at the ends is as good a start, and the exchange corrects it.
    private static double[] ChebyshevExtrema(int count)
    {
        var points = new double[count];
        for (var i = 0; i < count; i++)
        {
            var u = 2.0 * i / (count - 1) - 1;
            points[i] = u * (3 - u * u) / 2;
        }
        return points;
    }

    /// <summary>Solves p(x_i) e^(-L x_i) + (-1)^i E = 1 for the coefficients and E.</summary>
    private static double[] SolveEqualError(double[] points, double largest, int degree, out double levelled)
    {
        var size = degree + 2;
        var rows = new double[size][];
        for (var i = 0; i < size; i++)
        {
            var row = new double[size + 1];
            var power = DeterministicMath.Exp(-largest * points[i]);
            for (var j = 0; j <= degree; j++)
            {
                row[j] = power;
                power *= points[i];
            }
            row[degree + 1] = (i & 1) == 0 ? 1 : -1;
            row[size] = 1;
            rows[i] = row;
        }
        var solution = Solve(rows);
        levelled = solution[degree + 1];
        return solution[..(degree + 1)];
    }

    /// <summary>Gaussian elimination with partial pivoting on an augmented matrix.</summary>
    private static double[] Solve(double[][] rows)
    {
        var size = rows.Length;
        for (var column = 0; column < size; column++)
        {
            var pivot = column;
            for (var i = column + 1; i < size; i++)
            {
                if (Math.Abs(rows[i][column]) > Math.Abs(rows[pivot][column]))
                    pivot = i;
            }
            (rows[column], rows[pivot]) = (rows[pivot], rows[column]);
            for (var i = column + 1; i < size; i++)
            {
                var factor = rows[i][column] / rows[column][column];
                for (var j = column; j <= size; j++)
                    rows[i][j] -= factor * rows[column][j];
            }
        }
        var solution = new double[size];
        for (var i = size - 1; i >= 0; i--)
        {
            var sum = rows[i][size];
            for (var j = i + 1; j < size; j++)
                sum -= rows[i][j] * solution[j];
            solution[i] = sum / rows[i][i];
        }
        return solution;
    }

    /// <summary>The point of largest error in every run of one sign.</summary>
    private static double[] Alternation(double[] scaled, double largest)
    {
        var found = new List<double>();
        double best = 0, bestError = 0;
        for (var i = 0; i <= GridPoints; i++)
        {
            var x = 2.0 * i / GridPoints - 1;
            var error = Error(scaled, x, largest);
            if (i > 0 && Math.Sign(error) != Math.Sign(bestError) && error != 0)
            {
                found.Add(best);
                (best, bestError) = (x, error);
            }
            else if (i == 0 || Math.Abs(error) > Math.Abs(bestError))
            {
                (best, bestError) = (x, error);
            }
        }
        found.Add(best);
        return found.Select(x => Math.Abs(x) == 1 ? x : Refine(scaled, largest, x)).ToArray();
    }

    /// <summary>Golden-section search around a grid extremum.</summary>
    private static double Refine(double[] scaled, double largest, double x)
    {
        const double Golden = 0.6180339887498949;
        double low = x - 2.0 / GridPoints, high = x + 2.0 / GridPoints;
        for (var i = 0; i < 40; i++)
        {
            var a = high - Golden * (high - low);
            var b = low + Golden * (high - low);
            if (Math.Abs(Error(scaled, a, largest)) < Math.Abs(Error(scaled, b, largest)))
                low = a;
            else
                high = b;
        }
        return (low + high) / 2;
    }

    private static double[] Unscale(double[] scaled, double largest)
    {
        var power = 1.0;
        var coefficients = new double[scaled.Length];
        for (var j = 0; j < scaled.Length; j++)
        {
            coefficients[j] = scaled[j] / power;
            power *= largest;
        }
        return coefficients;
    }
}
