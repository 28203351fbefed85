using System.CommandLine;
using DpAttn.Attention;
using DpAttn.Auditing;
using DpAttn.Cli.Commands;
using DpAttn.Privacy;

namespace DpAttn.Cli.Auditing;

/// <summary>The flags of dpattn audit.</summary>
internal sealed class AuditOptions
{
    private const int MostDimension = 64;
    private const int MostRuns = 1 << 26;

    // A tree's capacity: four blocks of one slot, three levels.
    private const int Slots = 4;
    private const double QuickShare = 0.6;

    private readonly Option<string[]> _mechanisms = new("--mechanism")
    {
        Description = $"which to audit: {string.Join(", ", AuditedStore.Mechanisms)}; default: all",
        HelpName = "names",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<double[]> _epsilons = NumberOption.Several("--epsilon", "the claims; default: 0.5 1 2 4");
    private readonly Option<double> _delta = NumberOption.WithDefault("--delta", "delta of the claims", 1e-6);
    private readonly Option<int> _keyDimension = NumberOption.WithDefault("--key-dimension", "d", 1);
    private readonly Option<int> _valueDimension = NumberOption.WithDefault("--value-dimension", "dv", 1);
    private readonly Option<double> _alpha = NumberOption.WithDefault("--alpha", "of the distance-tree", 1.0);
    private readonly Option<int> _cells = NumberOption.WithDefault("--grid-cells", "points of the distance-tree's grids", 4);
    private readonly Option<int> _copies = NumberOption.WithDefault("--copies", "copies of the distance-tree", 1);
    private readonly Option<int> _queries = NumberOption.WithDefault("--query-count", "queries of a per-query batch", 4);
    private readonly Option<double> _share = NumberOption.WithDefault("--share", "the share of each claim that the runs are enough to show", AuditSuite.DefaultShare);
    private readonly Option<int?> _runs = new("--runs") { Description = "runs that count, on either neighbour, whatever the claim; default: enough for --share", HelpName = "n" };
    private readonly Option<int?> _seed = new("--seed") { Description = "the same noise again with the same number; default: fresh", HelpName = "n" };
    private readonly Option<int> _threads = NumberOption.WithDefault("--threads", "threads that run", Environment.ProcessorCount);
    private readonly Option<bool> _quick = new("--quick") { Description = $"claims 1 and 4 and a share of {QuickShare}: a look in under a minute" };
    private readonly SchemaOptions _schema = new();

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _mechanisms, _epsilons, _delta, _keyDimension, _valueDimension, _alpha, _cells, _copies, _queries, _share, _runs, _seed, _threads, _quick })
            command.Options.Add(option);
        _schema.AddTo(command);
    }

    /// <summary>What is to be audited.</summary>
    /// <exception cref="ArgumentException">A number outside its range, or a mechanism that does not exist.</exception>
    public AuditSuite Read(ParseResult parsed)
    {
        parsed.RequireAtLeastOne(_threads, _queries);
        if (_schema.ReadKernel(parsed) != KernelMethod.Minimax)
            throw new ArgumentException("--kernel: the audited moment tree has the minimax polynomial");
        var quick = parsed.GetValue(_quick);
        var share = quick && parsed.GetResult(_share) is not { Implicit: false } ? QuickShare : parsed.GetValue(_share);
        if (!(share > 0 && share < 1))
            throw new ArgumentException($"{_share.Name} must lie strictly between 0 and 1, not {share}");
        var runs = parsed.GetValue(_runs);
        if (runs is < 1 or > MostRuns)
            throw new ArgumentException($"{_runs.Name} must lie between 1 and {MostRuns}, not {runs}");
        var epsilons = parsed.GetValue(_epsilons) is { Length: > 0 } stated ? stated : quick ? [1, 4] : [0.5, 1, 2, 4];
        var settings = new AuditSettings { Seed = parsed.GetValue(_seed), Threads = parsed.GetValue(_threads) };
        if (quick)
            settings = settings with { LearningRuns = 2048, TuningRuns = 4096 };
        return new AuditSuite
        {
            Stores = [.. Stores(parsed)],
            Mechanisms = Mechanisms(parsed),
            Claims = [.. epsilons.Select(Epsilon.Budget)],
            Delta = Delta.Claimed(parsed.GetValue(_delta)),
            Share = share,
            Settings = runs is { } number ? settings with { Runs = number } : settings,
            IsOfStatedRuns = runs is not null,
        };
    }

    private string[] Mechanisms(ParseResult parsed)
    {
        var names = (parsed.GetValue(_mechanisms) ?? []).SelectMany(word => word.Split(',')).ToArray();
        if (names.FirstOrDefault(name => !AuditedStore.Mechanisms.Contains(name)) is { } unknown)
            throw new ArgumentException($"{_mechanisms.Name} takes {string.Join(", ", AuditedStore.Mechanisms)}, not '{unknown}'");
        return [.. AuditedStore.Mechanisms.Where(mechanism => names.Length == 0 || names.Contains(mechanism))];
    }

    private IEnumerable<AuditedStore> Stores(ParseResult parsed)
    {
        int keys = Dimension(parsed, _keyDimension), values = Dimension(parsed, _valueDimension);
        foreach (var adjacency in _schema.ReadAdjacencies(parsed))
        {
            var schema = AuditedStore.Small(adjacency, keys, values).Schema;
            if (_schema.StatesBounds(parsed))
            {
                var own = _schema.ReadSchema(parsed, keys, values, Slots, madeRadius: 1);
                schema = new StoreSchema(own.Keys, own.Queries, own.Values, own.Scale, adjacency, own.Capacity);
            }
            yield return new AuditedStore(schema)
            {
                Degree = _schema.ReadDegree(parsed),
                Alpha = parsed.GetValue(_alpha),
                GridCells = parsed.GetValue(_cells),
                Copies = parsed.GetValue(_copies),
                BatchQueries = parsed.GetValue(_queries),
            };
        }
    }

    private static int Dimension(ParseResult parsed, Option<int> option) => parsed.GetValue(option) is >= 1 and <= MostDimension and var number
        ? number
        : throw new ArgumentException($"{option.Name} must lie between 1 and {MostDimension}, not {parsed.GetValue(option)}");
}
