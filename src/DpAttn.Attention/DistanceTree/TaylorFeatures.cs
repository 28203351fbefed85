namespace DpAttn.Attention;

/// <summary>
/// The paper's features P(x)_a = sqrt(scale^j/j! m(a)) x^a, |a| = j at most s, the same on both sides and not centred:
/// &lt;P(q), P(k)&gt; = sum_{j at most s} (scale &lt;q, k&gt;)^j / j!, Taylor's polynomial of exp. Multiplications and square roots in a fixed order: the same bits everywhere.
/// </summary>
internal sealed class TaylorFeatures
{
    // Bounds of features stay within 2^+-400, so that neither they nor their squares leave the range of doubles.
    private const int LargestPowerBits = 400;

    private readonly double _scale;

    public TaylorFeatures(int dimension, int degree, double scale)
    {
        _scale = scale;
        Basis = MonomialBasis.Create(dimension, degree);
        Coefficients = new double[Basis.Count];
        var share = 1.0;
        for (var j = 0; j <= degree; j++)
        {
            share = j == 0 ? 1 : share * scale / j;
            for (var a = Basis.DegreeStarts[j]; a < Basis.DegreeStarts[j + 1]; a++)
                Coefficients[a] = Math.Sqrt(share * Basis.Multinomials[a]);
        }
    }

    public MonomialBasis Basis { get; }

    public double[] Coefficients { get; }

    public int Count => Basis.Count;

    /// <summary>P(x).</summary>
    public void Expand(ReadOnlySpan<double> x, Span<double> features)
    {
        features[0] = 1;
        for (var a = 1; a < Count; a++)
            features[a] = features[Basis.Parents[a]] * x[Basis.Coordinates[a]];
        for (var a = 1; a < Count; a++)
            features[a] *= Coefficients[a];
    }

    /// <summary>sum_{1 at most j at most s} (scale t)^j / j!: the largest |P|^2 but for its constant, when |x|^2 is at most t.</summary>
    public double LargestSquare(double t)
    {
        double sum = 0, term = 1;
        for (var j = 1; j <= Basis.Degree; j++)
        {
            term *= _scale * t / j;
            sum += term;
        }
        return sum;
    }

    /// <summary>The range of every feature over a region: exact for a box; for a ball around the origin |x^a| is at most B^j prod (a_i/j)^(a_i/2).</summary>
    /// <exception cref="ArgumentException">A feature that leaves the range of doubles.</exception>
    public (double Low, double High)[] RangesOver(Region region)
    {
        var ranges = new (double Low, double High)[Count];
        ranges[0] = (1, 1);
        Span<int> runs = stackalloc int[Basis.Degree + 1];
        Span<int> coordinates = stackalloc int[Basis.Degree + 1];
        for (var a = 1; a < Count; a++)
        {
            var distinct = Runs(a, runs, coordinates);
            var (low, high) = region.IsBox ? OverBox(region, runs[..distinct], coordinates) : OverBall(region.BoundingRadius, runs[..distinct]);
            ranges[a] = (low * Coefficients[a], high * Coefficients[a]);
            var width = ranges[a].High - ranges[a].Low;
            if (!(width >= Math.ScaleB(1, -LargestPowerBits) && width <= Math.ScaleB(1, LargestPowerBits)))
                throw new ArgumentException($"features of degree {Degree(a)} would leave the range of doubles; state keys, queries and scale in units nearer to 1, or use a smaller degree", nameof(region));
        }
        return ranges;
    }

    private int Degree(int a)
    {
        var degree = 0;
        for (; a > 0; a = Basis.Parents[a])
            degree++;
        return degree;
    }

    /// <summary>The exponents a_i above 0 of a multi-index, and their coordinates; a parent chain walks them in runs.</summary>
    private int Runs(int a, Span<int> runs, Span<int> coordinates)
    {
        var distinct = 0;
        for (; a > 0; a = Basis.Parents[a])
        {
            if (distinct > 0 && coordinates[distinct - 1] == Basis.Coordinates[a])
            {
                runs[distinct - 1]++;
                continue;
            }
            (coordinates[distinct], runs[distinct]) = (Basis.Coordinates[a], 1);
            distinct++;
        }
        return distinct;
    }

    private static (double Low, double High) OverBox(Region box, ReadOnlySpan<int> runs, ReadOnlySpan<int> coordinates)
    {
        double low = 1, high = 1;
        for (var i = 0; i < runs.Length; i++)
        {
            double l = Power(box.Low[coordinates[i]], runs[i]), h = Power(box.High[coordinates[i]], runs[i]);
            if (runs[i] % 2 == 0)
                (l, h) = (box.Low[coordinates[i]] <= 0 && box.High[coordinates[i]] >= 0 ? 0 : Math.Min(l, h), Math.Max(l, h));
            double ll = low * l, lh = low * h, hl = high * l, hh = high * h;
            (low, high) = (Math.Min(Math.Min(ll, lh), Math.Min(hl, hh)), Math.Max(Math.Max(ll, lh), Math.Max(hl, hh)));
        }
        // Minus zero would make a range that begins at 0 look like another.
        return (low + 0.0, high + 0.0);
    }

    private static (double Low, double High) OverBall(double radius, ReadOnlySpan<int> runs)
    {
        var degree = 0;
        foreach (var run in runs)
            degree += run;
        var largest = 1.0;
        var even = true;
        foreach (var run in runs)
        {
            largest *= Power((double)run / degree, run);
            even &= run % 2 == 0;
        }
        // Rounded up: the root and the powers are a few dozen operations.
        largest = Power(radius, degree) * Math.Sqrt(largest) * (1 + 1e-13);
        return (even ? 0 : -largest, largest);
    }

    private static double Power(double x, int n)
    {
        var power = 1.0;
        for (var i = 0; i < n; i++)
            power *= x;
        return power;
    }
}
