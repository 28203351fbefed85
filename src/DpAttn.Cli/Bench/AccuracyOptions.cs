using System.CommandLine;
using DpAttn.Attention;
using DpAttn.Cli.Commands;
using DpAttn.Cli.Demo;
using DpAttn.Privacy;

namespace DpAttn.Cli.Bench;

/// <summary>The flags of dpattn bench accuracy.</summary>
internal sealed class AccuracyOptions
{
    public const int FewestDraws = 30;
    private const int MostDraws = 10_000;
    private const int MostRows = 10_000_000;
    private const int MostDimension = 1024;
    private const int MostInList = 16;

    private readonly Option<string?> _keys = new("--keys") { Description = "n x d keys of your own, instead of made rows", HelpName = "K.npy" };
    private readonly Option<string?> _values = new("--values") { Description = "n x dv values", HelpName = "V.npy" };
    private readonly Option<string?> _queries = new("--queries") { Description = "m x d queries; default: of the keys", HelpName = "Q.npy" };
    private readonly Option<string[]> _workloads = new("--workload")
    {
        Description = $"which rows to make: {string.Join(", ", MadeWorkload.All.Select(made => made.Name))}; default: all",
        HelpName = "names",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<int[]> _rows = NumberOption.Several<int>("--rows", "n, the base first; default: 100000 10000 1000");
    private readonly Option<int[]> _keyDimensions = NumberOption.Several<int>("--key-dimension", "d, the base first; default: 8 4 16");
    private readonly Option<double[]> _epsilons = NumberOption.Several("--epsilon", "epsilons, the base first; default: 1 0.25 4");
    private readonly Option<int> _valueDimension = NumberOption.WithDefault("--value-dimension", "dv of made rows", 16);
    private readonly Option<int> _queryCount = NumberOption.WithDefault("--query-count", "queries that are asked, all of them of every release", 8);
    private readonly Option<int> _draws = NumberOption.WithDefault("--draws", $"noise draws a point, at least {FewestDraws}", FewestDraws);
    private readonly Option<double> _delta = NumberOption.WithDefault("--delta", "delta", 1e-6);
    private readonly Option<double> _alpha = NumberOption.WithDefault("--alpha", "of the distance-tree", 0.1);
    private readonly Option<int> _cells = NumberOption.WithDefault("--grid-cells", "points of the distance-tree's grids", 1024);
    private readonly Option<int> _copies = NumberOption.WithDefault("--copies", "copies of the distance-tree", 1);
    private readonly Option<int?> _seed = new("--seed") { Description = "the same noise again with the same number; default: fresh", HelpName = "n" };
    private readonly Option<int> _threads = NumberOption.WithDefault("--threads", "threads that sum rows", Environment.ProcessorCount);
    private readonly Option<bool> _quick = new("--quick") { Description = "small defaults: a look in under a minute" };
    private readonly SchemaOptions _schema = new();

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _keys, _values, _queries, _workloads, _rows, _keyDimensions, _epsilons, _valueDimension, _queryCount, _draws, _delta, _alpha, _cells, _copies, _seed, _threads, _quick })
            command.Options.Add(option);
        _schema.AddTo(command);
    }

    /// <summary>What every point shares.</summary>
    /// <exception cref="ArgumentException">A number outside its range.</exception>
    public BenchSettings ReadSettings(ParseResult parsed)
    {
        parsed.RequireAtLeastOne(_threads);
        return new BenchSettings
        {
            Degree = Within("--degree", _schema.ReadDegree(parsed), 1, KernelPolynomial.LargestDegree),
            Kernel = _schema.ReadKernel(parsed),
            Alpha = parsed.GetValue(_alpha) is var alpha && (alpha == 0 || (alpha >= DistanceTreeParameters.SmallestAlpha && alpha <= DistanceTreeParameters.LargestAlpha))
                ? alpha
                : throw new ArgumentException($"{_alpha.Name} must be 0 (exact distances) or lie between {DistanceTreeParameters.SmallestAlpha} and {DistanceTreeParameters.LargestAlpha}, not {alpha}"),
            GridCells = Within(_cells.Name, Read(parsed, _cells, 256), 4, 1 << DistanceGrid.LargestDepth) is var cells && int.IsPow2(cells)
                ? cells
                : throw new ArgumentException($"{_cells.Name} must be a power of two, not {cells}"),
            Copies = Within(_copies.Name, parsed.GetValue(_copies), 1, DistanceTreeParameters.LargestCopies) is var copies && int.IsOddInteger(copies)
                ? copies
                : throw new ArgumentException($"{_copies.Name} must be odd, not {copies}: their median is answered"),
            Delta = Delta.Claimed(parsed.GetValue(_delta)),
            Draws = Within(_draws.Name, parsed.GetValue(_draws), FewestDraws, MostDraws),
            Seed = parsed.GetValue(_seed),
            Threads = parsed.GetValue(_threads),
        };
    }

    /// <summary>The points, from made rows or from the user's files.</summary>
    /// <exception cref="ArgumentException">A number outside its range, or flags that do not go together.</exception>
    /// <exception cref="DataFaultException">Files that do not fit together.</exception>
    public IReadOnlyList<BenchPoint> ReadPoints(ParseResult parsed, BenchSettings settings)
    {
        var epsilons = List(_epsilons.Name, parsed.GetValue(_epsilons), parsed.GetValue(_quick) ? [1, 4] : [1, 0.25, 4]);
        foreach (var epsilon in epsilons)
            _ = Epsilon.Budget(epsilon);
        var queries = Within(_queryCount.Name, Read(parsed, _queryCount, 2), 1, PerQueryParameters.MostQueries);
        if (parsed.GetValue(_keys) is not null || parsed.GetValue(_values) is not null || parsed.GetValue(_queries) is not null)
            return [ReadFiles(parsed, settings, epsilons, queries)];
        _schema.RequireNoBounds(parsed, $"is a bound of rows of your own; it goes with {_keys.Name} and {_values.Name}");
        var request = new AccuracyRequest(
            List(_rows.Name, parsed.GetValue(_rows), parsed.GetValue(_quick) ? [10_000, 1000] : [100_000, 10_000, 1000], MostRows),
            List(_keyDimensions.Name, parsed.GetValue(_keyDimensions), parsed.GetValue(_quick) ? [4, 8] : [8, 4, 16], MostDimension),
            Within(_valueDimension.Name, Read(parsed, _valueDimension, 8), 1, MostDimension), epsilons, queries, _schema.ReadAdjacency(parsed));
        return [.. ReadWorkloads(parsed).SelectMany(workload => BenchPoint.Around(workload, request, settings))];
    }

    private IEnumerable<MadeWorkload> ReadWorkloads(ParseResult parsed)
    {
        var names = (parsed.GetValue(_workloads) ?? []).SelectMany(word => word.Split(',')).ToArray();
        if (names.FirstOrDefault(name => MadeWorkload.All.All(made => made.Name != name)) is { } unknown)
            throw new ArgumentException($"{_workloads.Name} takes {string.Join(", ", MadeWorkload.All.Select(made => made.Name))}, not '{unknown}'");
        return MadeWorkload.All.Where(made => names.Length == 0 || names.Contains(made.Name));
    }

    private BenchPoint ReadFiles(ParseResult parsed, BenchSettings settings, IReadOnlyList<double> epsilons, int count)
    {
        if (parsed.GetValue(_keys) is not { } keys || parsed.GetValue(_values) is not { } values)
            throw new ArgumentException($"state both {_keys.Name} and {_values.Name}; {(parsed.GetValue(_keys) is null ? _keys.Name : _values.Name)} is missing");
        if (new Option[] { _rows, _keyDimensions, _valueDimension, _workloads }.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } made)
            throw new ArgumentException($"{made.Name} shapes made rows; it does not go with {_keys.Name}");
        _schema.RequireStatedBounds(parsed);
        var data = DemoData.Load(keys, values, parsed.GetValue(_queries), labelsPath: null);
        var schema = _schema.ReadSchema(parsed, data.Keys.Columns, data.Values.Columns, data.Keys.Rows, madeRadius: null);
        var name = $"{Path.GetFileName(keys)}, {Path.GetFileName(values)}";
        return new BenchPoint(name, () => Workload.Create(name, schema, data.Keys.ToDouble(), data.Values.ToDouble(), Spread(data.Queries, count), settings.Threads), epsilons);
    }

    /// <summary>At most so many queries, from all over the file.</summary>
    private static Matrix<double> Spread(Matrix<double> queries, int count)
    {
        var chosen = new Matrix<double>(Math.Min(count, queries.Rows), queries.Columns);
        for (var i = 0; i < chosen.Rows; i++)
            queries.Row((int)((long)i * queries.Rows / chosen.Rows)).CopyTo(chosen.Row(i));
        return chosen;
    }

    private int Read(ParseResult parsed, Option<int> option, int quick) =>
        parsed.GetValue(_quick) && parsed.GetResult(option) is not { Implicit: false } ? quick : parsed.GetValue(option);

    private static int Within(string name, int number, int least, int most) =>
        number >= least && number <= most ? number : throw new ArgumentException($"{name} must lie between {least} and {most}, not {number}");

    private static IReadOnlyList<int> List(string name, int[]? stated, int[] otherwise, int most) => List(name, [.. (stated ?? []).Select(number => Within(name, number, 1, most))], otherwise);

    private static IReadOnlyList<T> List<T>(string name, T[]? stated, T[] otherwise)
    {
        if (stated is not { Length: > 0 })
            return otherwise;
        if (stated.Length > MostInList)
            throw new ArgumentException($"{name} takes at most {MostInList} numbers, not {stated.Length}");
        return stated.Distinct().Count() == stated.Length ? stated : throw new ArgumentException($"{name} has a number twice");
    }
}
