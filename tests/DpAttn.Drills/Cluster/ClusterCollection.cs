namespace DpAttn.Drills;

/// <summary>Tests that start clusters of processes run one after another, and when no others do: a silo that gets no processor is declared dead.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ClusterCollection
{
    public const string Name = "clusters of processes";
}
