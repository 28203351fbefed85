using System.CommandLine;
using DpAttn.Cli.Output;
using DpAttn.Client;
using DpAttn.Contracts;
using Spectre.Console;

namespace DpAttn.Cli.Remote;

/// <summary>dpattn ledger: whether the ledgers of stores are what they were.</summary>
internal static class LedgerCommand
{
    public static Command Create(RemoteContext context) => new("ledger", "The ledgers of stores")
    {
        Verify(context),
    };

    private static Command Verify(RemoteContext context)
    {
        var store = new Argument<string?>("store") { Description = "a store's name or incarnation; default: all that you may verify", Arity = ArgumentArity.ZeroOrOne };
        var verb = new RemoteCommand(context, "verify", "Verify ledgers whole: chains, totals, limits and tiers against the entries, and the witness; exit code 1 when something is wrong", store);
        return verb.Does(async (client, parsed, token) =>
        {
            var name = parsed.GetValue(store);
            var ledgers = (await client.ListLedgersAsync(token).ConfigureAwait(false)).Ledgers.Where(ledger => name is null || ledger.Store == name && !ledger.IsDeleted || ledger.Incarnation == name).ToList();
            if (name is not null && ledgers.Count == 0)
                throw new RemoteFaultException("no such store that you may verify");
            var checks = await VerifyAsync(context, client, ledgers, token).ConfigureAwait(false);
            verb.Printer.Print(parsed, checks, Checks);
            if (checks.Count(check => check.Suspension is not null || check.Findings.Count > 0) is > 0 and var closed)
                throw new RemoteFaultException($"{closed} of {checks.Count} ledgers are closed; once you know why, 'dpattn restore --acknowledge' opens them again and refunds nothing");
        });
    }

    private static async Task<List<Checked>> VerifyAsync(RemoteContext context, IDpAttentionClient client, List<LedgerState> ledgers, CancellationToken cancellationToken)
    {
        var checks = new List<Checked>();
        await context.Bars.RunAsync("verifying ledgers", ledgers.Count, async progress =>
        {
            foreach (var ledger in ledgers)
            {
                var check = await client.VerifyLedgerAsync(ledger.Incarnation, cancellationToken).ConfigureAwait(false);
                checks.Add(new Checked(ledger.Store, ledger.IsDeleted, check.Incarnation, check.Books, check.Entries, check.Findings, check.Suspension));
                progress?.Report(1);
            }
        }).ConfigureAwait(false);
        return checks;
    }

    private static IEnumerable<(string, Table)> Checks(List<Checked> checks)
    {
        var table = Tables.Grid("store", "incarnation", "books", "entries", "found");
        foreach (var check in checks)
        {
            var found = check.Findings.Count > 0 ? string.Join("; ", check.Findings.Select(Found))
                : check.Suspension is { } suspension ? $"whole now; closed since: {suspension}"
                : "whole";
            table.AddRow(Markup.Escape($"{check.Store ?? "?"}{(check.IsDeleted ? " (deleted)" : "")}"), Markup.Escape(check.Incarnation), $"{check.Books}", $"{check.Entries}", Markup.Escape(found));
        }
        yield return ($"{checks.Count} ledgers", table);
    }

    private static string Found(LedgerFinding finding) => finding.Books switch
    {
        0 => finding.Detail,
        1 => $"{finding.Detail} (1 book)",
        _ => $"{finding.Detail} ({finding.Books} books)",
    };

    private sealed record Checked(string? Store, bool IsDeleted, string Incarnation, long Books, long Entries, IReadOnlyList<LedgerFinding> Findings, string? Suspension);
}
