using System.Text.Json;
using System.Text.RegularExpressions;
using k8s;
using k8s.Models;

namespace DpAttn.Deploy.Tests.Chart;

/// <summary>What is rendered is what Kubernetes knows, and its parts know each other.</summary>
public sealed partial class RenderingTests
{
    public static TheoryData<string> Variants => [.. ChartRenderer.Variants.Keys];

    [Theory]
    [MemberData(nameof(Variants))]
    public void Every_object_is_of_a_type_that_Kubernetes_knows_and_has_no_field_that_it_does_not(string variant)
    {
        var manifests = Manifests.Render(variant);
        string[] kinds = variant == "full" ? ["ConfigMap", "HorizontalPodAutoscaler", "PrometheusRule", "ServiceMonitor"] : [];
        Assert.Equal(
            [.. ((string[])["Deployment", "Job", "NetworkPolicy", "Pod", "PodDisruptionBudget", "Service", .. kinds]).Order(StringComparer.Ordinal)],
            manifests.Objects.Select(one => one.Kind).Distinct().Order(StringComparer.Ordinal));
        Assert.All(manifests.Objects, one => Assert.True(one is not (ServiceMonitor or PrometheusRule) || one.ApiVersion == "monitoring.coreos.com/v1"));
        Assert.Equal(manifests.Objects.Count, manifests.Objects.Select(one => (one.Kind, one.Metadata.Name)).Distinct().Count());
        // Whoever reads it back sees the same: nothing was dropped on the way.
        Assert.Equal(manifests.Objects.Count, Regex.Count(ChartRenderer.Render(variant), "(?m)^kind: "));
    }

    [Fact]
    public void A_field_that_Kubernetes_does_not_know_is_refused()
    {
        var yaml = ChartRenderer.Render("full");
        foreach (var (right, wrong) in ((string, string)[])[
            ("terminationGracePeriodSeconds:", "terminationGracePeriod:"), ("readOnlyRootFilesystem: true", "readOnlyRootFileSystem: true"), ("minReadySeconds: 10", "minReadySeconds: soon"),
            ("policyTypes: [Ingress, Egress]", "policyType: [Ingress, Egress]"), ("{port: admin, path: /metrics", "{ports: admin, path: /metrics"), ("apiVersion: policy/v1\n", "apiVersion: policy/v7\n"),
        ])
        {
            Assert.Contains(right, yaml);
            Assert.ThrowsAny<Exception>(() => Manifests.Parse(yaml.Replace(right, wrong, StringComparison.Ordinal)));
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Names_and_labels_are_such_as_Kubernetes_takes(string variant)
    {
        foreach (var one in Manifests.Render(variant).Objects)
        {
            Assert.Matches(DnsLabel(), one.Metadata.Name);
            Assert.Null(one.Metadata.NamespaceProperty);
            foreach (var (_, value) in one.Metadata.Labels.Concat(one is V1Deployment deployment ? deployment.Spec.Template.Metadata.Labels : new Dictionary<string, string>()))
                Assert.Matches(LabelValue(), value);
        }
    }

    [Theory]
    [InlineData("a-very-long-release-name-of-fifty-three-characters-x")]
    [InlineData("dp-attn-cluster")]
    public void Names_stay_within_63_characters_whatever_the_release_is_called(string name) =>
        Assert.All(Manifests.Render("default", $"fullnameOverride={name}").Objects, one => Assert.Matches(DnsLabel(), one.Metadata.Name));

    [Theory]
    [InlineData("team.a.dpattn", "team-a-dpattn-dp-attn-cluster")]
    [InlineData("2nd", "r-2nd-dp-attn-cluster")]
    public void Names_are_those_of_services_whatever_helm_takes_as_the_name_of_a_release(string release, string name)
    {
        var manifests = Manifests.Parse(ChartRenderer.RenderRelease(release));
        Assert.All(manifests.Objects, one => Assert.Matches(DnsLabel(), one.Metadata.Name));
        Assert.Contains(manifests.All<V1Service>(), one => one.Metadata.Name == name);
    }

    [Fact]
    public void Callers_addresses_reach_a_front_where_that_is_stated_and_a_service_inside_the_cluster_refuses_to_state_it()
    {
        const string Policy = "fronts.service.externalTrafficPolicy=Local";
        Assert.Equal(["Local"], Manifests.Render("full").All<V1Service>().Select(one => one.Spec.ExternalTrafficPolicy).OfType<string>());
        Assert.All(Manifests.Render("default").All<V1Service>(), one => Assert.Null(one.Spec.ExternalTrafficPolicy));
        Assert.Contains("fronts.service.type is ClusterIP", Assert.Throws<InvalidOperationException>(() => ChartRenderer.Render("default", Policy)).Message);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Selectors_find_their_pods_and_nobody_elses(string variant)
    {
        var manifests = Manifests.Render(variant);
        var pods = manifests.Pods;
        Assert.Equal(["front", "migration", "silo", "test"], pods.Keys.Order());
        Assert.All(manifests.All<V1Deployment>(), one => Assert.Equal([one.Metadata.Labels["app.kubernetes.io/component"]], Found(one.Spec.Selector.MatchLabels)));
        Assert.All(manifests.All<V1PodDisruptionBudget>(), one => Assert.Equal([one.Metadata.Labels["app.kubernetes.io/component"]], Found(one.Spec.Selector.MatchLabels)));
        Assert.All(manifests.All<V1Service>(), one => Assert.Equal([one.Metadata.Labels["app.kubernetes.io/component"]], Found(one.Spec.Selector)));
        Assert.Equal(["front", "migration", "silo", "test"], manifests.All<V1NetworkPolicy>().Select(one => Assert.Single(Found(one.Spec.PodSelector.MatchLabels))).Order());
        foreach (var pod in pods.Values)
            Assert.All(pod.Spec.TopologySpreadConstraints ?? [], one => Assert.Equal([pod.Component], Found(one.LabelSelector.MatchLabels)));

        string[] Found(IDictionary<string, string> selector) => [.. pods.Values.Where(pod => Manifests.Matches(selector, pod.Metadata.Labels)).Select(pod => pod.Component)];
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Ports_mounts_and_targets_that_are_named_are_there(string variant)
    {
        var manifests = Manifests.Render(variant);
        foreach (var service in manifests.All<V1Service>())
        {
            var pod = Assert.Single(manifests.Pods.Values, pod => Manifests.Matches(service.Spec.Selector, pod.Metadata.Labels));
            Assert.All(service.Spec.Ports, port => Assert.Contains(pod.Container.Ports, one => one.Name == port.TargetPort.Value));
        }
        foreach (var pod in manifests.Pods.Values)
        {
            foreach (var container in pod.Spec.Containers)
            {
                Assert.All(container.VolumeMounts ?? [], mount => Assert.Contains(pod.Spec.Volumes!, volume => volume.Name == mount.Name));
                Assert.All(((V1Probe?[])[container.StartupProbe, container.ReadinessProbe, container.LivenessProbe]).OfType<V1Probe>(), probe => Assert.Contains(container.Ports, port => port.Name == probe.HttpGet.Port.Value));
            }
            Assert.All(pod.Spec.Volumes ?? [], volume => Assert.Contains(pod.Container.VolumeMounts, mount => mount.Name == volume.Name && mount.ReadOnlyProperty == true));
            // In decimal: root's file, readable by the pod's group.
            Assert.All(pod.Spec.Volumes ?? [], volume => Assert.Equal(288, volume.Secret.DefaultMode));
        }
        foreach (var scaler in manifests.All<V2HorizontalPodAutoscaler>())
            Assert.Null(Assert.Single(manifests.All<V1Deployment>(), one => one.Metadata.Name == scaler.Spec.ScaleTargetRef.Name).Spec.Replicas);
        foreach (var monitor in manifests.All<ServiceMonitor>())
        {
            var scraped = manifests.All<V1Service>().Where(one => Manifests.Matches(monitor.Spec.Selector.MatchLabels, one.Metadata.Labels)).ToList();
            Assert.Equal(["front", "silo"], scraped.Select(one => one.Spec.Selector["app.kubernetes.io/component"]).Order());
            Assert.All(monitor.Spec.Endpoints, endpoint => Assert.All(scraped, service => Assert.Contains(service.Spec.Ports, port => port.Name == endpoint.Port)));
            Assert.Equal(["privacy"], monitor.Spec.NamespaceSelector.MatchNames);
        }
    }

    [Fact]
    public void Dashboard_and_rules_are_the_files_that_compose_mounts_too()
    {
        var manifests = Manifests.Render("full");
        var dashboard = Assert.Single(Assert.Single(manifests.All<V1ConfigMap>()).Data);
        Assert.Equal(File.ReadAllText(Path.Combine(ChartRenderer.Folder, "files", "dashboard.json")).Trim(), dashboard.Value.Trim());
        using var parsed = JsonDocument.Parse(dashboard.Value);
        Assert.NotEqual(0, parsed.RootElement.GetProperty("panels").GetArrayLength());
        var file = KubernetesYaml.Deserialize<RuleFile>(File.ReadAllText(Path.Combine(ChartRenderer.Folder, "files", "rules.yaml")), strict: true);
        Assert.NotEmpty(file.Groups);
        Assert.Equal(JsonSerializer.Serialize(file), JsonSerializer.Serialize(Assert.Single(manifests.All<PrometheusRule>()).Spec));
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void What_is_set_aside_for_caches_fits_the_memory_that_a_silo_may_use(string variant)
    {
        var silo = Manifests.Render(variant).Pods["silo"];
        var defaults = new DpAttn.Server.ServerOptions();
        var caches = new[] { ("NodeCacheMiB", defaults.NodeCacheMiB), ("PartCacheMiB", defaults.PartCacheMiB), ("SumMiB", defaults.SumMiB), ("IngestMiB", defaults.IngestMiB), ("RowMiB", defaults.RowMiB) }
            .Sum(one => silo.Plain.TryGetValue($"DPATTN__{one.Item1.ToUpperInvariant()}", out var stated) ? long.Parse(stated) : one.Item2) << 20;
        // The runtime's own bound of the managed heap: three quarters of the limit.
        Assert.InRange(caches, 0, (long)(silo.Container.Resources.Limits["memory"].ToDecimal() * 0.75m));
    }

    [Fact]
    public void The_page_names_ports_and_secrets_as_they_are_by_default()
    {
        var page = File.ReadAllText(Path.Combine(ChartRenderer.Folder, "README.md"));
        var pods = Manifests.Render("default").Pods;
        foreach (var (pod, name) in ((string, string)[])[("silo", "silo"), ("silo", "gateway"), ("front", "api"), ("front", "admin")])
            Assert.Contains($"`ports.{name}` {pods[pod].Port(name)}", page);
        Assert.All(pods.Values.SelectMany(pod => pod.Spec.Volumes ?? []), volume => Assert.Contains(volume.Secret.SecretName, page));
        Assert.All(
            pods.Values.SelectMany(pod => pod.Spec.Containers).SelectMany(container => container.Env ?? []).Select(one => one.ValueFrom?.SecretKeyRef).OfType<V1SecretKeySelector>(),
            reference => Assert.Contains($"create secret generic {reference.Name} --from-literal={reference.Key}=", page));
    }

    [Fact]
    public void Migration_and_policies_can_be_left_out()
    {
        var manifests = Manifests.Render("default", "migration.enabled=false", "networkPolicy.enabled=false");
        Assert.Empty(manifests.All<V1Job>());
        Assert.Empty(manifests.All<V1NetworkPolicy>());
    }

    [Theory]
    [InlineData("default", "http://dp-dp-attn-cluster.privacy:80", "The API is plain HTTP")]
    [InlineData("full", "https://private-attention.privacy:443", "5 silos, 3 to 12 fronts")]
    public void The_notes_say_where_it_is_and_what_is_open(string variant, string address, string said)
    {
        // A template that renders another as text: notes are no manifest, and are not among what is rendered.
        using var copy = new ChartCopy();
        File.WriteAllText(copy.In("templates", "shown.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shown}\ndata:\n  notes: |\n    {{- tpl (.Files.Get \"templates/NOTES.txt\") . | trim | nindent 4 }}\n");
        var notes = Assert.Single(Manifests.Parse(copy.Render(ChartRenderer.Variants[variant])).All<V1ConfigMap>(), one => one.Metadata.Name == "shown").Data["notes"];
        Assert.Contains(address, notes);
        Assert.Contains(said, notes);
        Assert.Contains("operator key", notes);
        Assert.Contains("--set-string silos.image.tag=NEW", notes);
        Assert.Equal(variant == "full", notes.Contains("Silos and fronts have different images now", StringComparison.Ordinal));
        Assert.DoesNotContain("<no value>", notes);
        Assert.DoesNotContain("clusterTls.mode", notes);
    }

    [GeneratedRegex("^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")]
    private static partial Regex DnsLabel();

    [GeneratedRegex("^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")]
    private static partial Regex LabelValue();
}
