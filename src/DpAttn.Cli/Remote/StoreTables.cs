using DpAttn.Cli.Output;
using DpAttn.Contracts;
using Spectre.Console;

namespace DpAttn.Cli.Remote;

/// <summary>Stores and releases as tables.</summary>
internal static class StoreTables
{
    public static IEnumerable<(string, Table)> Store(StoreDescription store)
    {
        var d = store.Definition;
        var lines = new List<(string, string)>
        {
            ("state", store.State),
            ("incarnation", store.Incarnation),
            (d.Adjacency == "replace-one" ? "rows" : "slots", $"{Numbers.Count(store.Slots)} of at most {Numbers.Count(d.Capacity)}, in {Numbers.Count(store.Batches)} batches"),
            ("keys", $"{d.KeyDimension} numbers, {Describe(d.Keys)}"),
            ("queries", d.Queries is null ? "as keys" : Describe(d.Queries)),
            ("values", $"{d.ValueDimension} numbers, {(d.Values.Radius is { } radius ? $"l2 norm at most {Numbers.Short(radius)}" : $"each at most {Numbers.Short(d.Values.Entry ?? double.NaN)}")}"),
            ("mechanism", $"{Describe(d.Mechanism)}{(d.Scale is { } scale ? $", scale {Numbers.Short(scale)}" : "")}"),
            ("guarantee", $"{d.Adjacency}, delta {Numbers.Short(d.Delta)}, unit: one row"),
            ("ladder", $"epsilon {string.Join(", ", d.Ladder.Select(Numbers.Short))}"),
            ("limit", $"epsilon {Numbers.Short(d.Limit)} for all users together"),
            ("shards", $"{d.Shards}"),
        };
        if (d.PublicRows is { } rows)
            lines.Add(("public rows", Numbers.Count(rows)));
        yield return ($"Store {store.Name}", Tables.Pairs([.. lines]));
        if (store.Releases.Count > 0)
            yield return ("Releases", Releases(store.Releases));
    }

    public static IEnumerable<(string, Table)> List(IReadOnlyList<StoreDescription> stores)
    {
        var table = Tables.Grid("store", "state", "slots", "key", "value", "adjacency", "releases", "incarnation");
        foreach (var s in stores)
        {
            table.AddRow(
                Markup.Escape(s.Name), Markup.Escape(s.State), Numbers.Count(s.Slots), $"{s.Definition.KeyDimension}", $"{s.Definition.ValueDimension}",
                Markup.Escape(s.Definition.Adjacency), $"{s.Releases.Count}", Markup.Escape(s.Incarnation));
        }
        yield return ($"{stores.Count} stores", table);
    }

    public static IEnumerable<(string, Table)> Release(ReleaseDescription release)
    {
        var lines = new List<(string, string)>
        {
            ("state", release.State == "publishing" ? $"publishing, {Numbers.Share(release.Progress)}" : release.State),
            ("slots", Numbers.Count(release.Slots)),
            ("frozen", $"{release.Created.UtcDateTime:u}"),
        };
        if (release.Continual is { } grown)
        {
            lines.Add(("blocks", $"{Numbers.Count(grown.BlocksReleased)} released of {Numbers.Count(grown.BlocksClosed)} closed; {Numbers.Count(grown.MostBlocks)} at most, of {Numbers.Count(grown.BlockRows)} slots"));
            lines.Add(("open block", grown.IsFull ? "none: the store is full" : $"block {grown.BlocksClosed}, {Numbers.Count(grown.OpenSlots)} slots"));
        }
        if (release.Failure is { } failure)
            lines.Add(("failure", failure));
        yield return ($"Release {release.Id}", Tables.Pairs([.. lines]));
        var tiers = Tables.Grid("tier", "epsilon", "delta", "mu");
        foreach (var tier in release.Tiers)
            tiers.AddRow($"{tier.Tier}", Numbers.Short(tier.Epsilon), Numbers.Short(tier.Delta), Numbers.Short(tier.Mu));
        yield return ("Tiers, and what each costs a user who holds nothing of the release", tiers);
    }

    private static Table Releases(IReadOnlyList<ReleaseDescription> releases)
    {
        var table = Tables.Grid("release", "state", "slots", "tiers (epsilon)", "frozen");
        foreach (var r in releases)
        {
            table.AddRow(
                Markup.Escape(r.Id), Markup.Escape(r.State == "publishing" ? $"publishing, {Numbers.Share(r.Progress)}" : r.State), Numbers.Count(r.Slots),
                string.Join(", ", r.Tiers.Select(tier => Numbers.Short(tier.Epsilon))), $"{r.Created.UtcDateTime:u}");
        }
        return table;
    }

    private static string Describe(MechanismDefinition mechanism) => mechanism switch
    {
        { Alpha: { } alpha } => $"{mechanism.Name}, degree {mechanism.Degree}, {(alpha == 0 ? "exact distances" : $"alpha {Numbers.Short(alpha)}")}, grid {mechanism.GridCells}, copies {mechanism.Copies}",
        { Levels: "all" } => $"{mechanism.Name}, degree {mechanism.Degree}, {mechanism.Kernel}, all levels over blocks of {mechanism.BlockRows} slots{(mechanism.Continual == true ? $", continual, slots filled {(mechanism.Slots == "public-schedule" ? "on a public schedule" : "on arrival")}" : "")}",
        { Degree: { } degree } => $"{mechanism.Name}, degree {degree}, {mechanism.Kernel}",
        _ => mechanism.Name,
    };

    private static string Describe(RegionBound bound) => bound switch
    {
        { Ball: { } ball } => $"in the l2 ball of radius {Numbers.Short(ball.Radius)}{(ball.Centre is null ? "" : " around a stated centre")}",
        { Box: { Low: [var low], High: [var high] } } => $"each between {Numbers.Short(low)} and {Numbers.Short(high)}",
        _ => "in a stated box",
    };
}
