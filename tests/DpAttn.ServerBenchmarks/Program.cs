using DpAttn.Benchmarks.Server;

var measures = new Dictionary<string, Action>
{
    ["attend"] = AttendRatio.Run,
    ["latency"] = LoadLatency.Run,
    ["charges"] = ChargeRatio.Run,
    ["growth"] = ChargeGrowth.Run,
    ["restart"] = RestartTime.Run,
    ["fanout"] = FanOutCost.Run,
    ["tls"] = TlsRatio.Run,
};
foreach (var name in args.Length == 0 ? [.. measures.Keys] : args)
{
    if (!measures.TryGetValue(name, out var run))
    {
        Console.Error.WriteLine($"no measure named {name}; there are {string.Join(", ", measures.Keys)}");
        return 2;
    }
    Console.WriteLine(name);
    run();
}
return 0;
