using DpAttn.Gateway;

namespace DpAttn.Cluster;

/// <summary>Problems with their figures, on their way over a gateway and off it.</summary>
internal static class Problems
{
    public static GatewayProblemException ToGateway(ProblemException problem) => new(new ProblemReport(problem.Code, problem.Message)
    {
        Requested = problem.Requested,
        Remaining = problem.Remaining,
        ShortBy = problem.ShortBy,
        Delta = problem.Delta,
        Affordable = problem.Affordable,
        RetryAfter = problem.RetryAfter,
        Prices = problem.Prices,
    });

    public static ProblemException OfGateway(GatewayProblemException problem)
    {
        var report = problem.Report;
        return new ProblemException(report.Code, report.Detail, problem.InnerException)
        {
            Requested = report.Requested,
            Remaining = report.Remaining,
            ShortBy = report.ShortBy,
            Delta = report.Delta,
            Affordable = report.Affordable,
            RetryAfter = report.RetryAfter,
            Prices = report.Prices,
        };
    }
}
