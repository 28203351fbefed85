namespace DpAttn.Deploy.Tests.Chart;

/// <summary>Rules that are evaluated one after another.</summary>
public sealed class RuleGroup
{
    public string Name { get; set; } = "";

    public string? Interval { get; set; }

    public IList<Rule> Rules { get; set; } = [];
}
