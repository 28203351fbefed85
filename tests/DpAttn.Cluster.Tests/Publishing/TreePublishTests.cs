namespace DpAttn.Cluster.Tests;

/// <summary>Publishes of the moment tree with levels all: every node is stored, several to a page.</summary>
public sealed class TreePublishTests() : PublishJobContract(Samples.AllLevels)
{
}
