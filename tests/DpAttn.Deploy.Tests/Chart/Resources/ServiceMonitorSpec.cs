using k8s.Models;

namespace DpAttn.Deploy.Tests.Chart;

/// <summary>Which services are scraped, and how.</summary>
public sealed class ServiceMonitorSpec
{
    public V1LabelSelector Selector { get; set; } = new();

    public NamespaceNames NamespaceSelector { get; set; } = new();

    public IList<ScrapedEndpoint> Endpoints { get; set; } = [];
}
