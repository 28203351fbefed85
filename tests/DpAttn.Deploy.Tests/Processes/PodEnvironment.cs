using DpAttn.Deploy.Tests.Chart;
using DpAttn.Deploy.Tests.Image;
using DpAttn.Deploy.Tests.Support;

namespace DpAttn.Deploy.Tests.Processes;

/// <summary>The environment of a pod on this machine, the image's beneath it: references are resolved, and mounted secrets lie elsewhere.</summary>
internal static class PodEnvironment
{
    /// <summary>Resolves one.</summary>
    /// <param name="pod">The pod.</param>
    /// <param name="secrets">What the files of its volumes are.</param>
    /// <param name="connections">The connection strings, by the names of the variables.</param>
    /// <param name="address">The pod's address.</param>
    public static Dictionary<string, string> Of(Pod pod, MadeSecrets secrets, IReadOnlyDictionary<string, string> connections, string address)
    {
        var role = pod.Component == "front" ? "front" : "silo";
        var environment = new Dictionary<string, string>(Dockerfile.Read().Final.Environment);
        foreach (var (name, value) in pod.Container.Env.ToDictionary(one => one.Name, one => one switch
        {
            { Value: { } value } => pod.Container.VolumeMounts.Aggregate(value, (text, mount) => text.StartsWith(mount.MountPath + "/", StringComparison.Ordinal) ? secrets.Of(role) + text[mount.MountPath.Length..] : text),
            { ValueFrom.SecretKeyRef: not null } => connections.GetValueOrDefault(one.Name, "secret"),
            { ValueFrom.FieldRef.FieldPath: "status.podIP" } => address,
            _ => throw new InvalidOperationException($"{one.Name}: where its value comes from is not looked at yet"),
        }))
        {
            environment[name] = value;
        }
        return environment;
    }
}
