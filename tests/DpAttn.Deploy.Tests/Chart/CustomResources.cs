using k8s;
using k8s.Models;

namespace DpAttn.Deploy.Tests.Chart;

/// <summary>The Prometheus Operator's ServiceMonitor, as far as the chart writes one (monitoring.coreos.com/v1).</summary>
public sealed class ServiceMonitor : IKubernetesObject<V1ObjectMeta>
{
    public string ApiVersion { get; set; } = "";

    public string Kind { get; set; } = "";

    public V1ObjectMeta Metadata { get; set; } = new();

    public ServiceMonitorSpec Spec { get; set; } = new();
}

/// <summary>Which services are scraped, and how.</summary>
public sealed class ServiceMonitorSpec
{
    public V1LabelSelector Selector { get; set; } = new();

    public NamespaceNames NamespaceSelector { get; set; } = new();

    public IList<ScrapedEndpoint> Endpoints { get; set; } = [];
}

/// <summary>The namespaces by their names.</summary>
public sealed class NamespaceNames
{
    public IList<string> MatchNames { get; set; } = [];
}

/// <summary>A port of a service.</summary>
public sealed class ScrapedEndpoint
{
    public string Port { get; set; } = "";

    public string Path { get; set; } = "";

    public string Interval { get; set; } = "";
}

/// <summary>The Prometheus Operator's PrometheusRule (monitoring.coreos.com/v1).</summary>
public sealed class PrometheusRule : IKubernetesObject<V1ObjectMeta>
{
    public string ApiVersion { get; set; } = "";

    public string Kind { get; set; } = "";

    public V1ObjectMeta Metadata { get; set; } = new();

    public RuleFile Spec { get; set; } = new();
}

/// <summary>What a rule file of Prometheus holds, and the resource's spec as well.</summary>
public sealed class RuleFile
{
    public IList<RuleGroup> Groups { get; set; } = [];
}

/// <summary>Rules that are evaluated one after another.</summary>
public sealed class RuleGroup
{
    public string Name { get; set; } = "";

    public string? Interval { get; set; }

    public IList<Rule> Rules { get; set; } = [];
}

/// <summary>An alert, or a series that is recorded.</summary>
public sealed class Rule
{
    public string? Alert { get; set; }

    public string? Record { get; set; }

    public string Expr { get; set; } = "";

    public string? For { get; set; }

    public string? KeepFiringFor { get; set; }

    public IDictionary<string, string> Labels { get; set; } = new Dictionary<string, string>();

    public IDictionary<string, string> Annotations { get; set; } = new Dictionary<string, string>();
}
