using DpAttn.Attention;
using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>What an owner's definition means to the library.</summary>
public static class Definitions
{
    /// <summary>The definition with its defaults filled in, after every check that a server makes of it.</summary>
    /// <exception cref="ProblemException">invalid_request: the message names the field and the bound.</exception>
    public static StoreDefinition Fill(StoreDefinition definition) => SchemaFactory.Resolve(definition);

    /// <summary>The schema of a definition, after every check that a server makes of it.</summary>
    /// <exception cref="ProblemException">invalid_request: the message names the field and the bound.</exception>
    public static StoreSchema ToSchema(StoreDefinition definition) => SchemaFactory.Schema(SchemaFactory.Resolve(definition));

    /// <summary>The moment tree's parameters for a definition, after every check that a server makes of it.</summary>
    /// <exception cref="ProblemException">invalid_request: the message names the field and the bound.</exception>
    public static MomentParameters ToParameters(StoreDefinition definition) => SchemaFactory.Parameters(SchemaFactory.Resolve(definition));

    /// <summary>The parameters of all nodes of a moment tree for a definition whose levels are all, after every check that a server makes of it.</summary>
    /// <exception cref="ProblemException">invalid_request: the message names the field and the bound.</exception>
    /// <exception cref="ArgumentException">The definition's levels are not all.</exception>
    public static MomentTreeParameters ToTreeParameters(StoreDefinition definition) => SchemaFactory.TreeParameters(SchemaFactory.Resolve(definition));

    /// <summary>The distance-tree's parameters for a definition, after every check that a server makes of it.</summary>
    /// <exception cref="ProblemException">invalid_request: the message names the field and the bound.</exception>
    public static DistanceTreeParameters ToDistanceParameters(StoreDefinition definition) => SchemaFactory.DistanceParameters(SchemaFactory.Resolve(definition));
}
