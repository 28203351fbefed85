namespace DpAttn.Deploy.Tests.Chart;

/// <summary>What a rule file of Prometheus holds, and the resource's spec as well.</summary>
public sealed class RuleFile
{
    public IList<RuleGroup> Groups { get; set; } = [];
}
