using k8s;
using k8s.Models;

namespace DpAttn.Deploy.Tests.Chart;

/// <summary>A pod that the chart makes, by itself or through what owns it.</summary>
internal sealed record Pod(IKubernetesObject<V1ObjectMeta> Owner, V1ObjectMeta Metadata, V1PodSpec Spec)
{
    private const string Label = "app.kubernetes.io/component";

    public string Component => Metadata.Labels[Label];

    public V1Container Container => Assert.Single(Spec.Containers);

    /// <summary>The variables that are stated as they are.</summary>
    public IReadOnlyDictionary<string, string> Plain => Container.Env.Where(one => one.Value is not null).ToDictionary(one => one.Name, one => one.Value);

    /// <summary>The port of a name.</summary>
    public int Port(string name) => Assert.Single(Container.Ports, port => port.Name == name).ContainerPort;
}
