using DpAttn.Attention;

namespace DpAttn.Cluster.Tests;

/// <summary>The moment tree behind a store, for tests that compute what it should publish.</summary>
internal static class Moments
{
    public static MomentParameters Parameters(this StoreView view) => ((MomentModel)view.Model).Parameters;

    public static ReleasedModel ModelOf(Contracts.StoreDefinition definition) => (ReleasedModel)StoreModel.Of(SchemaFactory.Resolve(definition));
}
