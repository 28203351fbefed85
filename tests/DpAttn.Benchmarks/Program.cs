using BenchmarkDotNet.Running;
using DpAttn.Benchmarks.Ratios;

var ratios = new Dictionary<string, Action>
{
    ["exact"] = ExactRatio.Run,
    ["query"] = QueryRatio.Run,
    ["moments"] = MomentsRatio.Run,
    ["perquery"] = PerQueryRatio.Run,
    ["commit"] = LedgerCommitRatio.Run,
    ["sampler"] = SamplerRatio.Run,
    ["ledger"] = LedgerRatio.Run,
    ["verify"] = LedgerVerifyRatio.Run,
    ["dtree"] = DistanceTreeCost.Run,
};

if (args is ["ratios", .. var names])
{
    foreach (var name in names.Length == 0 ? [.. ratios.Keys] : names)
    {
        if (!ratios.TryGetValue(name, out var run))
        {
            Console.Error.WriteLine($"no ratio named {name}; there are {string.Join(", ", ratios.Keys)}");
            return 2;
        }
        Console.WriteLine(name);
        run();
    }
    return 0;
}
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
