using k8s.Models;

namespace DpAttn.Deploy.Tests.Chart;

/// <summary>What a chart's policies allow, decided as Kubernetes does: a pod that no policy selects takes and makes every connection; one that is selected only those that a rule allows.</summary>
internal sealed class NetworkRules(Manifests manifests)
{
    private const string ReleaseNamespace = "privacy";

    /// <summary>Whether a connection comes about: the one who makes it may, and the one who takes it.</summary>
    public bool Allows(Party from, Party to, int port, string protocol = "TCP") => MaySend(from, to, port, protocol) && MayReceive(from, to, port, protocol);

    public bool MaySend(Party from, Party to, int port, string protocol = "TCP")
    {
        var policies = Of(from).Where(one => one.Spec.PolicyTypes.Contains("Egress")).ToList();
        return policies.Count == 0 || policies.SelectMany(one => one.Spec.Egress ?? []).Any(rule => Names(rule.Ports, port, protocol) && Names(rule.To, to));
    }

    public bool MayReceive(Party from, Party to, int port, string protocol = "TCP")
    {
        var policies = Of(to).Where(one => one.Spec.PolicyTypes.Contains("Ingress")).ToList();
        return policies.Count == 0 || policies.SelectMany(one => one.Spec.Ingress ?? []).Any(rule => Names(rule.Ports, port, protocol) && Names(rule.FromProperty, from));
    }

    private IEnumerable<V1NetworkPolicy> Of(Party party) =>
        manifests.All<V1NetworkPolicy>().Where(one => party.Namespace.Values.Contains(ReleaseNamespace) && Manifests.Matches(Labels(one.Spec.PodSelector), party.Labels));

    private static bool Names(IList<V1NetworkPolicyPort>? ports, int port, string protocol) =>
        ports is null or [] || ports.Any(one => (one.Protocol ?? "TCP") == protocol && (one.Port is null || int.Parse(one.Port.Value) == port) && one.EndPort is null);

    private static bool Names(IList<V1NetworkPolicyPeer>? peers, Party party) => peers is null or [] || peers.Any(peer => Names(peer, party));

    private static bool Names(V1NetworkPolicyPeer peer, Party party)
    {
        if (peer.IpBlock is not null)
            return false;
        // Without a namespace selector it is the policy's own namespace.
        var isNamespace = peer.NamespaceSelector is null ? party.Namespace.Values.Contains(ReleaseNamespace) : Manifests.Matches(Labels(peer.NamespaceSelector), party.Namespace);
        return isNamespace && Manifests.Matches(peer.PodSelector is null ? null : Labels(peer.PodSelector), party.Labels);
    }

    private static IDictionary<string, string>? Labels(V1LabelSelector selector) =>
        selector.MatchExpressions is null or [] ? selector.MatchLabels : throw new InvalidOperationException("a selector by expressions, which is not looked at yet");
}
