using k8s.Models;

namespace DpAttn.Deploy.Tests.Chart;

/// <summary>Who may connect to whom: every pair, at every port that any pod of the chart has. That those are the ports that processes open, and that they connect nowhere else, is in <c>PodProcessTests</c>.</summary>
public sealed class NetworkPolicyTests
{
    private static readonly Party Stranger = Party.Elsewhere("a pod beside it", "privacy");
    private static readonly Party Foreigner = Party.Elsewhere("a pod of another namespace", "elsewhere", ("app.kubernetes.io/component", "silo"));
    private static readonly Party Web = Party.Elsewhere("a web front end", "privacy", ("app", "web-front"));

    [Fact]
    public void By_default_the_allowed_pairs_are_these_and_no_others()
    {
        var scraper = Party.Elsewhere("prometheus", "monitoring");
        Assert.Equal(
            [
                "a pod beside it > front:api", "a pod of another namespace > front:api", "a web front end > front:api",
                "front > silo:gateway",
                "prometheus > front:admin", "prometheus > front:api", "prometheus > silo:admin",
                "silo > silo:silo",
                "test > front:admin", "test > silo:admin",
            ],
            Allowed("default", scraper));
    }

    [Fact]
    public void With_peers_stated_only_they_reach_the_API_the_gateways_and_health()
    {
        var manifests = Manifests.Render("full");
        var scraper = Party.Elsewhere("prometheus", "observability", ("app.kubernetes.io/name", "prometheus"));
        Assert.Equal(
            [
                "a web front end > silo:gateway",
                "front > silo:gateway",
                "ingress > front:api",
                "prometheus > front:admin", "prometheus > silo:admin",
                "silo > silo:silo",
                "test > front:admin", "test > silo:admin",
            ],
            Allowed("full", scraper, Party.Elsewhere("ingress", "ingress"), Party.Elsewhere("monitoring's other pods", "observability")));
        // Every pod of the release is selected, for both directions.
        Assert.All(manifests.All<V1NetworkPolicy>(), one => Assert.Equal(["Ingress", "Egress"], one.Spec.PolicyTypes));
    }

    [Theory]
    [InlineData("default", 5432, 4317, 443, "", "")]
    [InlineData("full", 6432, 4317, 8443, "silo front", "silo")]
    public void Out_of_the_cluster_go_names_the_database_and_what_the_settings_name(string variant, int database, int collector, int issuer, string withCollector, string withIssuer)
    {
        // Peers outside are addresses: all of them may be reached here, so that ports are what is tested.
        var manifests = Manifests.Render(variant, "networkPolicy.databaseTo=[]", "networkPolicy.collectorTo=[]", "networkPolicy.issuerTo=[]");
        var rules = new NetworkRules(manifests);
        var outside = Party.Elsewhere("outside", "other");
        var names = Party.Elsewhere("names", "kube-system", ("k8s-app", "kube-dns"));
        foreach (var pod in manifests.Pods.Values)
        {
            var from = Party.InRelease(pod);
            Assert.Equal(pod.Component != "test", rules.MaySend(from, outside, database));
            Assert.Equal(withCollector.Split(' ').Contains(pod.Component), rules.MaySend(from, outside, collector));
            Assert.Equal(withIssuer.Split(' ').Contains(pod.Component), rules.MaySend(from, outside, issuer));
            Assert.True(rules.MaySend(from, names, 53, "UDP") && rules.MaySend(from, names, 53));
            foreach (var port in (int[])[22, 80, 8080, 11111, 30000, 5433])
                Assert.False(rules.MaySend(from, outside, port), $"{pod.Component} to port {port} outside");
            Assert.False(rules.MaySend(from, outside, 53, "UDP"));
        }
    }

    [Fact]
    public void Addresses_that_are_stated_are_all_that_is_reached()
    {
        var manifests = Manifests.Render("full");
        foreach (var policy in manifests.All<V1NetworkPolicy>().Where(one => !one.Metadata.Name.EndsWith("-test", StringComparison.Ordinal)))
        {
            var rule = Assert.Single(policy.Spec.Egress, rule => rule.Ports.Any(port => port.Port.Value == "5432"));
            Assert.Equal(["5432", "6432"], rule.Ports.Select(port => port.Port.Value));
            Assert.Equal("10.20.0.0/28", Assert.Single(rule.To).IpBlock.Cidr);
            Assert.All(policy.Spec.Egress, one => Assert.NotEmpty(one.To));
        }
    }

    private static List<string> Allowed(string variant, params Party[] others)
    {
        var manifests = Manifests.Render(variant);
        var rules = new NetworkRules(manifests);
        var pods = manifests.Pods.Values;
        var ports = pods.SelectMany(pod => pod.Spec.Containers).SelectMany(container => container.Ports ?? []).Select(port => (port.Name, Number: port.ContainerPort)).Distinct().Append((Name: "another", Number: 1)).ToList();
        Party[] receivers = [.. pods.Select(Party.InRelease)];
        Party[] all = [.. receivers, Stranger, Foreigner, Web, .. others];
        return
        [
            .. all.SelectMany(sender => receivers.SelectMany(receiver => ports
                    .Where(port => rules.Allows(sender, receiver, port.Number))
                    .Select(port => $"{sender.Name} > {receiver.Name}:{port.Name}")))
                .Order(StringComparer.Ordinal),
        ];
    }
}
