using k8s;
using k8s.Models;

namespace DpAttn.Deploy.Tests.Chart;

/// <summary>The Prometheus Operator's PrometheusRule (monitoring.coreos.com/v1).</summary>
public sealed class PrometheusRule : IKubernetesObject<V1ObjectMeta>
{
    public string ApiVersion { get; set; } = "";

    public string Kind { get; set; } = "";

    public V1ObjectMeta Metadata { get; set; } = new();

    public RuleFile Spec { get; set; } = new();
}
