using System.Reflection;

namespace DpAttn.FaultTable;

/// <summary>The tests of the projects that plant faults, by Class.Method.</summary>
public static class TestIndex
{
    private static readonly Assembly[] Assemblies =
    [
        typeof(Attention.Tests.PlantedFaultTests).Assembly,
        typeof(Auditing.Tests.AuditFaultTests).Assembly,
        typeof(Cluster.Tests.RedrawnNoiseTests).Assembly,
        typeof(Drills.Load.LoadCheckerTests).Assembly,
        typeof(Privacy.Tests.KeystreamCoincidenceTests).Assembly,
        typeof(Storage.Tests.Guard.DetectionTests).Assembly,
    ];

    private static readonly ILookup<string, MethodInfo> Tests = Assemblies
        .SelectMany(assembly => assembly.GetTypes())
        .SelectMany(type => type.GetMethods(BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
        .Where(method => method.GetCustomAttribute<FactAttribute>() is { Skip: null })
        .ToLookup(method => $"{method.DeclaringType!.Name}.{method.Name}", StringComparer.Ordinal);

    /// <summary>All names.</summary>
    public static IEnumerable<string> Names => Tests.Select(test => test.Key);

    /// <summary>The projects that have a test of a name; none if there is no such test.</summary>
    public static IReadOnlyList<string> ProjectsOf(string test) => [.. Tests[test].Select(method => method.DeclaringType!.Assembly.GetName().Name!).Distinct().Order()];

    /// <summary>Whether a test only runs in the slow suite.</summary>
    public static bool IsLong(string test) => Tests[test].All(method => method.GetCustomAttributes<TraitAttribute>().Any(trait => trait is { Name: "Suite", Value: "Long" }));
}
