namespace DpAttn.Deploy.Tests.Chart;

/// <summary>Somebody on the network: a pod by its labels and its namespace's, or an address outside.</summary>
internal sealed record Party(string Name, IDictionary<string, string> Labels, IDictionary<string, string> Namespace)
{
    public static Party InRelease(Pod pod) => new(pod.Component, pod.Metadata.Labels, In("privacy"));

    public static Party Elsewhere(string name, string @namespace, params (string Name, string Value)[] labels) => new(name, labels.ToDictionary(one => one.Name, one => one.Value), In(@namespace));

    private static Dictionary<string, string> In(string @namespace) => new() { ["kubernetes.io/metadata.name"] = @namespace };
}
