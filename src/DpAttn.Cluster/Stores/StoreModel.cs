using System.Collections.Concurrent;
using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>What is computed from a store's definition. A definition never changes, so neither does this; calibrating a ladder takes milliseconds and is done once.</summary>
internal sealed class StoreModel(StoreDefinition definition)
{
    private const int MostLadders = 256;
    private readonly ConcurrentDictionary<string, NoiseLadder> _ladders = new();

    public MomentParameters Parameters { get; } = SchemaFactory.Parameters(definition);

    public Delta Delta { get; } = new(definition.Delta);

    /// <summary>The ladder of tiers at these epsilons.</summary>
    /// <exception cref="ArgumentException">Not a ladder of this store.</exception>
    public NoiseLadder LadderOf(IReadOnlyList<double> epsilons)
    {
        var key = string.Join(' ', epsilons.Select(epsilon => epsilon.ToString("R")));
        if (_ladders.TryGetValue(key, out var known))
            return known;
        if (_ladders.Count >= MostLadders)
            _ladders.Clear();
        return _ladders.GetOrAdd(key, SchemaFactory.Ladder(Parameters, epsilons, Delta));
    }
}
