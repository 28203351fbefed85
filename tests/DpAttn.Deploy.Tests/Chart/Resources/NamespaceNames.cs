namespace DpAttn.Deploy.Tests.Chart;

/// <summary>The namespaces by their names.</summary>
public sealed class NamespaceNames
{
    public IList<string> MatchNames { get; set; } = [];
}
