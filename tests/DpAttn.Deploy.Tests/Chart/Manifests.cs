using k8s;
using k8s.Models;

namespace DpAttn.Deploy.Tests.Chart;

/// <summary>A rendered chart as typed objects; what the types do not know is refused.</summary>
internal sealed class Manifests
{
    private static readonly Dictionary<string, Type> CustomTypes = new()
    {
        ["monitoring.coreos.com/v1/ServiceMonitor"] = typeof(ServiceMonitor),
        ["monitoring.coreos.com/v1/PrometheusRule"] = typeof(PrometheusRule),
    };

    private Manifests(IReadOnlyList<IKubernetesObject<V1ObjectMeta>> objects) => Objects = objects;

    public IReadOnlyList<IKubernetesObject<V1ObjectMeta>> Objects { get; }

    /// <summary>Every pod of the chart, by the component that it is.</summary>
    public IReadOnlyDictionary<string, Pod> Pods => Objects
        .Select(one => one switch
        {
            V1Deployment deployment => new Pod(one, deployment.Spec.Template.Metadata, deployment.Spec.Template.Spec),
            V1Job job => new Pod(one, job.Spec.Template.Metadata, job.Spec.Template.Spec),
            V1Pod pod => new Pod(one, pod.Metadata, pod.Spec),
            V1StatefulSet or V1DaemonSet or V1CronJob or V1ReplicaSet => throw new InvalidOperationException($"{one.Kind}: its pods are not looked at yet"),
            _ => null,
        })
        .OfType<Pod>()
        .ToDictionary(pod => pod.Component);

    /// <summary>Reads manifests.</summary>
    /// <exception cref="Exception">There is something in them that Kubernetes does not know.</exception>
    public static Manifests Parse(string yaml) => new([.. KubernetesYaml.LoadAllFromString(yaml, CustomTypes, strict: true).Cast<IKubernetesObject<V1ObjectMeta>>()]);

    public static Manifests Render(string variant, params string[] set) => Parse(ChartRenderer.Render(variant, set));

    public IEnumerable<T> All<T>()
        where T : IKubernetesObject<V1ObjectMeta> => Objects.OfType<T>();

    /// <summary>Whether a selector by labels matches.</summary>
    public static bool Matches(IDictionary<string, string>? selector, IDictionary<string, string> labels) =>
        selector is null || selector.All(one => labels.TryGetValue(one.Key, out var value) && value == one.Value);
}
