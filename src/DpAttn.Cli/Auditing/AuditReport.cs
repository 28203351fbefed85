using System.Text.Json;
using DpAttn.Auditing;
using DpAttn.Cli.Commands;
using DpAttn.Cli.Output;
using Spectre.Console;

namespace DpAttn.Cli.Auditing;

/// <summary>What an audit proved, for people and for programs.</summary>
internal static class AuditReport
{
    /// <summary>The fields that JSON has, and no others.</summary>
    internal sealed record Row(string Mechanism, string Adjacency, double ClaimedEpsilon, double Delta, double EmpiricalEpsilonLowerBound, double Confidence, long Runs);

    /// <summary>Writes all results, and fails loudly if one of them refutes its claim.</summary>
    /// <exception cref="AuditFailedException">Claims are refuted; the message names each.</exception>
    public static void Write(TextWriter output, IReadOnlyList<AuditResult> results, OutputFormat format)
    {
        if (format == OutputFormat.Json)
            output.WriteLine(JsonSerializer.Serialize(results.Select(RowOf), Numbers.Json));
        else
            WriteTable(output, results);
        var refuted = results.Where(result => result.IsRefuted).Select(result => result.Refutation).ToArray();
        if (refuted.Length > 0)
            throw new AuditFailedException($"{refuted.Length} of {results.Count} claims are refuted; do not release anything with this build. {string.Join("; ", refuted)}");
    }

    private static Row RowOf(AuditResult result) => new(
        result.Mechanism, SchemaOptions.Name(result.Adjacency), result.Claimed.Value, result.Delta.Value, result.EpsilonLowerBound.Value, AuditSettings.Confidence, result.Runs);

    private static void WriteTable(TextWriter output, IReadOnlyList<AuditResult> results)
    {
        var table = Tables.Grid("", "neighbours", "claim", "at least", "share", "mu", "at least", "direct", "runs", "verdict");
        foreach (var r in results)
        {
            table.AddRow(
                r.Mechanism, SchemaOptions.Name(r.Adjacency), Numbers.Short(r.Claimed.Value), Numbers.Short(r.EpsilonLowerBound.Value), Numbers.Share(r.Power),
                Numbers.Short(r.ClaimedMu.Value), Numbers.Short(r.MuLowerBound.Value), Numbers.Short(r.DirectEpsilonLowerBound.Value), Numbers.Count(r.Runs), r.IsRefuted ? "REFUTED" : "holds");
        }
        output.WriteLine("What an adversary proves who knows both neighbours and lacks one bit: epsilon, and mu, are at least so large, at 99 % confidence.");
        output.WriteLine("Direct: epsilon without the Gaussian curve. A claim is refuted where a bound exceeds it at confidence 1 - 1e-6.");
        output.WriteLine();
        Tables.Write(output, $"Claims of epsilon at delta {Numbers.Short(results[0].Delta.Value)}", table);
    }
}
