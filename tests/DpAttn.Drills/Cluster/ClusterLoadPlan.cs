namespace DpAttn.Drills;

/// <summary>How much load a cluster is under.</summary>
/// <param name="Rows">Rows of the large store.</param>
/// <param name="Clients">Clients with the SDK's retries.</param>
/// <param name="Probes">Clients without retries.</param>
/// <param name="Pause">What a client waits between two calls, on average.</param>
/// <param name="ProbePace">How often each key is probed.</param>
internal sealed record ClusterLoadPlan(int Rows, int Clients, int Probes, TimeSpan Pause, TimeSpan ProbePace);

/// <summary>What may be exceeded by nothing.</summary>
/// <param name="Kill">How long keys are away after a kill -9.</param>
/// <param name="Freeze">How long keys are away after a SIGSTOP.</param>
/// <param name="Request">How long a request takes.</param>
internal sealed record ClusterBounds(TimeSpan Kill, TimeSpan Freeze, TimeSpan Request)
{
    /// <summary>What is stated: a request is answered or refused within 10 s, and there and back takes a moment.</summary>
    public static ClusterBounds Stated { get; } = new(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(12));

    /// <summary>For machines that do other things meanwhile.</summary>
    public static ClusterBounds Busy { get; } = new(TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(18), TimeSpan.FromSeconds(20));
}
