namespace DpAttn.Drills.Load;

/// <summary>A store under load.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Incarnation">The id that the ledger's tables know it by.</param>
/// <param name="Tiers">How many tiers its ladder has.</param>
/// <param name="Shape">Its mechanism, rows and queries.</param>
internal sealed record LoadStore(string Name, string Incarnation, int Tiers, DrillShape Shape);
