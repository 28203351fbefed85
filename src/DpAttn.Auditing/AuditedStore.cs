using DpAttn.Attention;
using DpAttn.Privacy;

namespace DpAttn.Auditing;

/// <summary>What a store states, as far as an audit needs it: its schema and the numbers that its mechanism takes.</summary>
/// <remarks>
/// Every number of a view is drawn by the product's sampler at every run, so a small configuration is audited far deeper than a large one in the same time: the noise is drawn number
/// by number and knows no dimension. The defaults are that small. A store of a million numbers needs as many draws a run; what does not depend on its size is audited on a small one, and what does
/// (the sensitivity) by the searches in the tests.
/// </remarks>
/// <param name="Schema">The schema. Trees fill its capacity, in blocks of one slot.</param>
public sealed record AuditedStore(StoreSchema Schema)
{
    /// <summary>Every audited mechanism, by the name that results carry.</summary>
    public static IReadOnlyList<string> Mechanisms { get; } =
        ["moment-tree", "moment-tree levels-all", "moment-tree continual", "distance-tree", "distance-tree exact", "per-query", "per-query batch"];

    /// <summary>The degree of the kernel's polynomial.</summary>
    public int Degree { get; init; } = 2;

    /// <summary>alpha of the distance-tree that has trees.</summary>
    public double Alpha { get; init; } = 1;

    /// <summary>Points of its grids.</summary>
    public int GridCells { get; init; } = 4;

    /// <summary>Its copies.</summary>
    public int Copies { get; init; } = 1;

    /// <summary>The queries of a batch, all in one direction.</summary>
    public int BatchQueries { get; init; } = 4;

    /// <summary>Whether a release has a tier below the claimed one too, at half its epsilon, which colluding users hold beside it.</summary>
    public bool HasLowerTier { get; init; } = true;

    /// <summary>A small store: keys and queries of d numbers in [0, 1], values of dv in the unit ball, scale 1/d, four slots.</summary>
    public static AuditedStore Small(Adjacency adjacency, int keyDimension = 1, int valueDimension = 1) => new(new StoreSchema(
        Region.Box(keyDimension, 0, 1), Region.Box(keyDimension, 0, 1), ValueBound.Ball(valueDimension, 1), 1.0 / keyDimension, adjacency, 4));

    /// <summary>A mechanism of this store at a claim, on its worst neighbours.</summary>
    /// <param name="mechanism">One of <see cref="Mechanisms"/>.</param>
    /// <param name="epsilon">The claim: the best tier's, or the request's.</param>
    /// <param name="delta">Its delta.</param>
    /// <exception cref="ArgumentException">No such mechanism, or numbers that it refuses.</exception>
    public AuditTarget Target(string mechanism, Epsilon epsilon, Delta delta)
    {
        Epsilon[] tiers = HasLowerTier ? [new Epsilon(epsilon.Value / 2), epsilon] : [epsilon];
        return mechanism switch
        {
            "moment-tree" => Moments(tiers, delta),
            "moment-tree levels-all" => Tree(tiers, delta),
            "moment-tree continual" => Continual(tiers, delta),
            "distance-tree" => Distance(Alpha, tiers, delta),
            "distance-tree exact" => Distance(0, tiers, delta),
            "per-query" => PerQuery(1, epsilon, delta),
            "per-query batch" => PerQuery(BatchQueries, epsilon, delta),
            _ => throw new ArgumentException($"no mechanism is called '{mechanism}'; there are {string.Join(", ", Mechanisms)}", nameof(mechanism)),
        };
    }

    private MomentTarget Moments(Epsilon[] tiers, Delta delta)
    {
        var parameters = MomentParameters.Create(Schema, Degree);
        return new MomentTarget(parameters, MomentRelease.Calibrate(parameters, tiers, delta));
    }

    private MomentTreeTarget Tree(Epsilon[] tiers, Delta delta)
    {
        var tree = MomentTreeParameters.Create(MomentParameters.Create(Schema, Degree), 1);
        return new MomentTreeTarget(tree, tree.Calibrate(tiers, delta));
    }

    private ContinualTarget Continual(Epsilon[] tiers, Delta delta)
    {
        var filling = Schema.Adjacency == Adjacency.AddRemove ? SlotFilling.PublicSchedule : SlotFilling.OnArrival;
        var tree = MomentTreeParameters.Create(MomentParameters.Create(Schema, Degree), 1, isContinual: true, filling);
        return new ContinualTarget(new ContinualFrame(tree, tree.Calibrate(tiers, delta), new byte[ReleaseKey.Bytes]));
    }

    private DistanceTreeTarget Distance(double alpha, Epsilon[] tiers, Delta delta)
    {
        var parameters = DistanceTreeParameters.Create(Schema, Degree, alpha, GridCells, Copies);
        return new DistanceTreeTarget(parameters, DistanceTreeRelease.Calibrate(parameters, tiers, delta));
    }

    private PerQueryTarget PerQuery(int count, Epsilon epsilon, Delta delta)
    {
        var queries = new Matrix<double>(count, Schema.KeyDimension);
        var centre = Schema.Queries.Centre;
        for (var l = 0; l < count; l++)
        {
            // From the centre outwards: to the upper corner of a box, along the first axis of a ball.
            var reach = (l + 1.0) / count;
            for (var j = 0; j < centre.Length; j++)
                queries[l, j] = centre[j] + reach * (Schema.Queries.IsBox ? Schema.Queries.High[j] - centre[j] : j == 0 ? Schema.Queries.Radius : 0);
        }
        return new PerQueryTarget(PerQueryPlan.Create(PerQueryParameters.Create(Schema), queries, clip: false, epsilon, delta), epsilon, delta);
    }
}
