using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>
/// What is computed from a store's definition, whatever its mechanism: the schema that rows and queries are checked against, and estimates. A definition
/// never changes, so neither does this.
/// </summary>
internal abstract class StoreModel(StoreDefinition definition, StoreSchema schema)
{
    public StoreDefinition Definition => definition;

    public StoreSchema Schema => schema;

    public Delta Delta { get; } = new(definition.Delta);

    /// <summary>Whether it is small enough to be kept while nothing uses it.</summary>
    public abstract bool IsSmall { get; }

    /// <summary>The model of a definition whose defaults are filled in.</summary>
    /// <exception cref="ArgumentException">The message names the field and the bound.</exception>
    public static StoreModel Of(StoreDefinition definition) => Mechanisms.Find(definition.Mechanism).Model(definition);

    /// <summary>The model of a mechanism that publishes releases.</summary>
    /// <exception cref="ProblemException">conflict: this one publishes nothing.</exception>
    public ReleasedModel AsReleased() => this as ReleasedModel
        ?? throw new ProblemException(ProblemCodes.Conflict, $"a store of mechanism {definition.Mechanism.Name} publishes nothing: each answer is charged by itself");

    /// <summary>What a tier of the store's ladder costs an account that holds nothing: opening it, or an answer to one query.</summary>
    public abstract PrivacyAmount PriceOf(int tier);

    /// <summary>Refuses a limit under which nothing that the definition offers could ever be bought.</summary>
    /// <exception cref="ArgumentException">Names the tier.</exception>
    public abstract void RequireRoom(PrivacyLimit limit);

    /// <summary>The error of answers at an epsilon, from the schema and public numbers of rows and of queries in a request alone.</summary>
    public abstract ErrorEstimate ErrorAt(long rows, Epsilon epsilon, int queries);

    /// <summary>The smallest epsilon whose typical noise is at most a target.</summary>
    public abstract ErrorEstimate EpsilonFor(long rows, double typicalNoise, int queries);
}
