namespace DpAttn.Deploy.Tests.Chart;

/// <summary>Where a pod has the cluster's authority from: beside its certificate, or from a secret that can hold two of them.</summary>
public sealed class ClusterAuthorityTests
{
    private const string Variable = "DPATTN__CLUSTERAUTHORITY", Volume = "cluster-authority";

    [Theory]
    [InlineData("silo", "dpattn-silo-tls")]
    [InlineData("front", "dpattn-front-tls")]
    public void By_default_it_is_the_one_beside_the_certificate(string component, string secret)
    {
        var pod = Manifests.Render("default").Pods[component];
        Assert.Equal("/etc/dpattn/cluster/ca.crt", pod.Plain[Variable]);
        Assert.Equal(secret, MountedAt(pod, "/etc/dpattn/cluster"));
        Assert.DoesNotContain(pod.Spec.Volumes, one => one.Name == Volume);
    }

    [Theory]
    [InlineData("silo", "silo-certificate")]
    [InlineData("front", "front-certificate")]
    public void Stated_it_is_a_file_of_that_secret_and_the_certificate_stays_where_it_was(string component, string secret)
    {
        var pod = Manifests.Render("full").Pods[component];
        Assert.Equal("/etc/dpattn/authority/ca.crt", pod.Plain[Variable]);
        Assert.Equal("authorities", MountedAt(pod, "/etc/dpattn/authority"));
        var item = Assert.Single(Assert.Single(pod.Spec.Volumes, one => one.Name == Volume).Secret.Items);
        Assert.Equal(("bundle.crt", "ca.crt"), (item.Key, item.Path));
        Assert.Equal(("/etc/dpattn/cluster/tls.crt", secret), (pod.Plain["DPATTN__CLUSTERCERTIFICATE"], MountedAt(pod, "/etc/dpattn/cluster")));
        // Renewed files come with the directory: one that is mounted by itself stays as it was.
        Assert.All(pod.Container.VolumeMounts, one => Assert.True(one.SubPath is null && one.SubPathExpr is null));
    }

    [Fact]
    public void Who_speaks_no_TLS_in_the_cluster_is_not_given_it()
    {
        var mutual = Manifests.Render("full").Pods;
        Assert.All((string[])["migration", "test"], one => Assert.DoesNotContain(mutual[one].Spec.Volumes ?? [], volume => volume.Name == Volume));
        foreach (var pod in Manifests.Render("full", "clusterTls.mode=none").Pods.Values)
        {
            Assert.DoesNotContain(pod.Spec.Volumes ?? [], volume => volume.Name == Volume);
            Assert.All(pod.Spec.Containers, container => Assert.DoesNotContain(container.Env ?? [], one => one.Name == Variable));
        }
    }

    private static string MountedAt(Pod pod, string path)
    {
        var name = Assert.Single(pod.Container.VolumeMounts, one => one.MountPath == path).Name;
        return Assert.Single(pod.Spec.Volumes, one => one.Name == name).Secret.SecretName;
    }
}
