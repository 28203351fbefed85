namespace DpAttn.Attention;

/// <summary>
/// All monomials k^a of degree 0 to s in d coordinates, in the symmetric basis: one per multi-index a, r = C(d + s, s) in all,
/// ordered by degree. Each is its parent (one degree lower) times one coordinate that is not below the parent's last one.
/// </summary>
internal sealed class MonomialBasis
{
    private MonomialBasis(int dimension, int degree, int[] parents, int[] coordinates, int[] degreeStarts, double[] multinomials) =>
        (Dimension, Degree, Parents, Coordinates, DegreeStarts, Multinomials) = (dimension, degree, parents, coordinates, degreeStarts, multinomials);

    public int Dimension { get; }

    public int Degree { get; }

    public int Count => Parents.Length;

    /// <summary>The parent's index; -1 for the constant.</summary>
    public int[] Parents { get; }

    /// <summary>The coordinate that the parent is multiplied with; -1 for the constant.</summary>
    public int[] Coordinates { get; }

    /// <summary>The first index of each degree, and the count at the end.</summary>
    public int[] DegreeStarts { get; }

    /// <summary>m(a) = |a|! / prod a_i!, exact.</summary>
    public double[] Multinomials { get; }

    /// <summary>C(d + s, s), saturated at long.MaxValue.</summary>
    public static long CountFor(int dimension, int degree)
    {
        UInt128 count = 1;
        for (var j = 1; j <= degree; j++)
        {
            count = count * (UInt128)(dimension + j) / (UInt128)j;
            if (count > long.MaxValue)
                return long.MaxValue;
        }
        return (long)count;
    }

    public static MonomialBasis Create(int dimension, int degree)
    {
        var count = checked((int)CountFor(dimension, degree));
        var parents = new int[count];
        var coordinates = new int[count];
        var multinomials = new double[count];
        var runs = new int[count];
        var starts = new int[degree + 2];
        parents[0] = coordinates[0] = -1;
        multinomials[0] = 1;
        var next = 1;
        for (var j = 1; j <= degree; j++)
        {
            starts[j] = next;
            for (var parent = starts[j - 1]; parent < starts[j]; parent++)
            {
                for (var c = Math.Max(coordinates[parent], 0); c < dimension; c++)
                {
                    parents[next] = parent;
                    coordinates[next] = c;
                    // How often c now stands in the multi-index: m(a) gains the factor |a| and loses a_c.
                    runs[next] = c == coordinates[parent] ? runs[parent] + 1 : 1;
                    multinomials[next] = multinomials[parent] * j / runs[next];
                    next++;
                }
            }
        }
        starts[degree + 1] = next;
        return new MonomialBasis(dimension, degree, parents, coordinates, starts, multinomials);
    }
}
