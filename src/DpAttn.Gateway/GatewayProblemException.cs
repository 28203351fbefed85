namespace DpAttn.Gateway;

/// <summary>A problem on its way over a gateway: its code, its text and its figures, and nothing of what caused it.</summary>
[GenerateSerializer, Alias(GatewayNames.Problem)]
internal sealed class GatewayProblemException : Exception
{
    /// <param name="report">What is told.</param>
    /// <param name="inner">The cause, for the log of the process that it happened in.</param>
    public GatewayProblemException(ProblemReport report, Exception? inner = null)
        : base(report.Detail, inner) => Document = GatewayJson.Write(report);

    [Id(0)]
    public Document Document { get; }

    public ProblemReport Report => GatewayJson.Read<ProblemReport>(Document);
}
