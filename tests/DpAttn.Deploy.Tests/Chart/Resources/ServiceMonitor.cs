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
