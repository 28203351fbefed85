namespace DpAttn.Fuzzing.Tests;

/// <summary>Everything that reads bytes from outside.</summary>
internal static class FuzzTargets
{
    private static readonly Lazy<IReadOnlyDictionary<string, FuzzTarget>> ByName = new(() =>
        ((IEnumerable<FuzzTarget>)[.. NumpyTargets.All, .. RowFileTargets.All, .. HttpTargets.All, .. JsonTargets.All, .. StorageTargets.All, .. WireTargets.All, .. FileTargets.All])
            .ToDictionary(target => target.Name, StringComparer.Ordinal));

    public static IEnumerable<string> Names => ByName.Value.Keys;

    public static FuzzTarget Of(string name) => ByName.Value[name];

    /// <summary>Cases of a target among about <paramref name="all"/> of all of them, at least 20.</summary>
    public static long Cases(string name, long all) =>
        (long)Math.Max(20, Math.Ceiling(all * Of(name).Weight / ByName.Value.Values.Sum(target => target.Weight)));
}
