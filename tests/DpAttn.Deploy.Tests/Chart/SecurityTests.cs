using k8s.Models;

namespace DpAttn.Deploy.Tests.Chart;

/// <summary>What no pod of the chart may do, and how pods are watched and ended.</summary>
public sealed class SecurityTests
{
    // The user and the group of the image (APP_UID).
    private const int User = 1654;

    public static TheoryData<string> Variants => RenderingTests.Variants;

    [Theory]
    [MemberData(nameof(Variants))]
    public void No_pod_runs_as_root_writes_to_its_image_keeps_a_capability_or_holds_a_token(string variant)
    {
        foreach (var pod in Manifests.Render(variant).Pods.Values)
        {
            Assert.False(pod.Spec.AutomountServiceAccountToken);
            Assert.False(pod.Spec.EnableServiceLinks);
            Assert.True(pod.Spec.HostNetwork is null && pod.Spec.HostPID is null && pod.Spec.HostIPC is null && pod.Spec.ShareProcessNamespace is null);
            var shared = pod.Spec.SecurityContext;
            Assert.True(shared.RunAsNonRoot);
            Assert.Equal((User, User, User), (shared.RunAsUser, shared.RunAsGroup, shared.FsGroup));
            Assert.Equal("RuntimeDefault", shared.SeccompProfile.Type);
            foreach (var container in pod.Spec.Containers.Concat(pod.Spec.InitContainers ?? []))
            {
                var own = container.SecurityContext;
                Assert.True(own.RunAsNonRoot);
                Assert.True(own.ReadOnlyRootFilesystem);
                Assert.False(own.AllowPrivilegeEscalation);
                Assert.Null(own.Privileged);
                Assert.Equal(["ALL"], own.Capabilities.Drop);
                Assert.Null(own.Capabilities.Add);
                Assert.Equal("RuntimeDefault", own.SeccompProfile.Type);
                Assert.NotNull(container.Resources.Limits["memory"]);
                Assert.All(container.Ports ?? [], port => Assert.Null(port.HostPort));
            }
            // Nothing of the node, and nothing that can be written.
            Assert.All(pod.Spec.Volumes ?? [], volume => Assert.NotNull(volume.Secret));
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Secrets_are_referred_to_and_never_made_or_stated(string variant)
    {
        var manifests = Manifests.Render(variant);
        Assert.DoesNotContain(manifests.Objects, one => one.Kind is "Secret" or "Role" or "RoleBinding" or "ClusterRole" or "ClusterRoleBinding" or "ServiceAccount");
        foreach (var pod in manifests.Pods.Values)
        {
            foreach (var variable in pod.Spec.Containers.SelectMany(container => container.Env ?? []))
            {
                if (variable.Name is "DPATTN__POSTGRESCONNECTION" or "DPATTN__WITNESSCONNECTION" or "OTEL_EXPORTER_OTLP_HEADERS")
                    Assert.True(variable.Value is null && variable.ValueFrom.SecretKeyRef is not null);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void A_front_has_a_login_of_its_own_and_neither_keys_nor_a_witness(string variant)
    {
        var pods = Manifests.Render(variant).Pods;
        var (silo, front) = (pods["silo"], pods["front"]);
        Assert.NotEqual(Login(silo), Login(front));
        Assert.DoesNotContain(front.Container.Env, one => one.Name is "DPATTN__KEYFILE" or "DPATTN__WITNESSCONNECTION");
        var keys = Assert.Single(silo.Spec.Volumes, volume => volume.Name == "keys").Secret.SecretName;
        Assert.DoesNotContain(front.Spec.Volumes, volume => volume.Secret.SecretName == keys);
        Assert.NotEqual(Certificate(silo), Certificate(front));
        Assert.DoesNotContain(pods["test"].Spec.Containers, container => container.Env is not null || container.VolumeMounts is not null);

        static (string, string) Login(Pod pod)
        {
            var reference = Assert.Single(pod.Container.Env, one => one.Name == "DPATTN__POSTGRESCONNECTION").ValueFrom.SecretKeyRef;
            return (reference.Name, reference.Key);
        }

        static string Certificate(Pod pod) => Assert.Single(pod.Spec.Volumes, volume => volume.Name == "cluster-certificate").Secret.SecretName;
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Liveness_asks_nothing_of_others_and_a_start_has_minutes(string variant)
    {
        foreach (var pod in Manifests.Render(variant).Pods.Values.Where(pod => pod.Component is "silo" or "front"))
        {
            var container = pod.Container;
            Assert.Equal(("/livez", "/readyz", "/livez"), (container.StartupProbe.HttpGet.Path, container.ReadinessProbe.HttpGet.Path, container.LivenessProbe.HttpGet.Path));
            Assert.All((V1Probe[])[container.StartupProbe, container.ReadinessProbe, container.LivenessProbe], probe => Assert.Equal(("admin", null), (probe.HttpGet.Port.Value, probe.HttpGet.Scheme)));
            Assert.True(container.StartupProbe.PeriodSeconds * container.StartupProbe.FailureThreshold >= 300);
            Assert.True(container.LivenessProbe.PeriodSeconds * container.LivenessProbe.FailureThreshold >= 60);
            // The server itself waits 2 s for what readiness asks.
            Assert.True(container.ReadinessProbe.TimeoutSeconds > 2);
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void A_pod_is_given_more_time_to_end_than_the_server_takes(string variant)
    {
        foreach (var pod in Manifests.Render(variant).Pods.Values.Where(pod => pod.Component is "silo" or "front"))
        {
            var stated = int.Parse(pod.Plain["DPATTN__SHUTDOWNSECONDS"]);
            var before = pod.Container.Lifecycle?.PreStop.Sleep.Seconds ?? 0;
            Assert.True(pod.Spec.TerminationGracePeriodSeconds >= before + stated + 15, $"{pod.Component}: {pod.Spec.TerminationGracePeriodSeconds} s for {before} s and {stated} s");
            Assert.Equal(pod.Component == "front", before > 0);
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Pods_are_spread_replaced_one_by_one_and_let_go_slowly(string variant)
    {
        var manifests = Manifests.Render(variant);
        foreach (var deployment in manifests.All<V1Deployment>())
        {
            Assert.Equal(("0", "1"), (deployment.Spec.Strategy.RollingUpdate.MaxUnavailable.Value, deployment.Spec.Strategy.RollingUpdate.MaxSurge.Value));
            Assert.Equal(["kubernetes.io/hostname", "topology.kubernetes.io/zone"], deployment.Spec.Template.Spec.TopologySpreadConstraints.Select(one => one.TopologyKey).Order());
        }
        Assert.Equal(2, manifests.All<V1PodDisruptionBudget>().Count());
        foreach (var scaler in manifests.All<V2HorizontalPodAutoscaler>())
        {
            var down = scaler.Spec.Behavior.ScaleDown;
            Assert.True(down.StabilizationWindowSeconds >= 300);
            Assert.Equal(1, Assert.Single(down.Policies).Value);
            Assert.True(Assert.Single(manifests.All<V1Deployment>(), one => one.Metadata.Name == scaler.Spec.ScaleTargetRef.Name).Spec.Template.Spec.Containers[0].Resources.Requests.ContainsKey("cpu"));
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void The_schema_is_applied_before_anything_else_and_the_test_asks_silos_and_fronts(string variant)
    {
        var manifests = Manifests.Render(variant);
        var job = Assert.Single(manifests.All<V1Job>());
        Assert.Equal(("pre-install,pre-upgrade", "0"), (job.Metadata.Annotations["helm.sh/hook"], job.Metadata.Annotations["helm.sh/hook-weight"]));
        Assert.Equal([DpAttn.Server.DpAttnServer.MigrateFlag], manifests.Pods["migration"].Container.Args);
        Assert.Equal("-5", Assert.Single(manifests.All<V1NetworkPolicy>(), one => one.Metadata.Annotations is not null).Metadata.Annotations["helm.sh/hook-weight"]);
        var test = Assert.Single(manifests.All<V1Pod>());
        Assert.Equal("test", test.Metadata.Annotations["helm.sh/hook"]);
        foreach (var container in test.Spec.Containers)
        {
            var url = new Uri(Assert.Single(container.Args)[(DpAttn.Server.DpAttnServer.HealthCheckFlag.Length + 1)..]);
            var service = Assert.Single(manifests.All<V1Service>(), one => one.Metadata.Name == url.Host);
            Assert.Equal((url.Port, "/readyz"), (Assert.Single(service.Spec.Ports).Port, url.AbsolutePath));
        }
        Assert.Equal(2, test.Spec.Containers.Count);
    }
}
