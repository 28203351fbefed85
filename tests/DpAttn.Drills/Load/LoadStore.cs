using DpAttn.Client;

namespace DpAttn.Drills.Load;

/// <summary>A store under load.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Incarnation">The id that the ledger's tables know it by.</param>
/// <param name="Tiers">How many tiers its ladder has.</param>
/// <param name="Shape">Its mechanism, rows and queries.</param>
internal sealed record LoadStore(string Name, string Incarnation, int Tiers, DrillShape Shape)
{
    private const int Rows = 400;
    private const double Limit = 22;

    /// <summary>Makes one with some rows.</summary>
    public static async Task<LoadStore> MakeAsync(IDpAttentionClient owner, string name, DrillShape like, double[] ladder)
    {
        var store = await owner.EnsureStoreAsync(name, like.Define(ladder, Limit));
        var (keys, values) = like.Batch(Rows, 1);
        await owner.AppendAsync(name, "rows", keys, values, Rows);
        return new LoadStore(name, store.Incarnation, ladder.Length, like);
    }
}
