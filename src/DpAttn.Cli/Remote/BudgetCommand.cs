using System.CommandLine;
using System.Text;
using DpAttn.Cli.Output;
using DpAttn.Contracts;
using Spectre.Console;

namespace DpAttn.Cli.Remote;

/// <summary>dpattn budget: what a user may still learn, and what was spent on what.</summary>
internal static class BudgetCommand
{
    public static Command Create(RemoteContext context) => new("budget", "Privacy budgets at a store")
    {
        Show(context), Grant(context), SetStore(context), Ledger(context),
    };

    private static Command Show(RemoteContext context)
    {
        var store = Arguments.Store();
        var all = new Option<bool>("--all") { Description = "every account's, for the store's owner" };
        var verb = new RemoteCommand(context, "show", "Your own budget at a store, or everybody's", store, all);
        return verb.Does(async (client, parsed, token) =>
        {
            var name = parsed.GetValue(store)!;
            if (!parsed.GetValue(all))
            {
                verb.Printer.Print(parsed, await client.GetBudgetAsync(name, token).ConfigureAwait(false), budget => One(name, budget));
                return;
            }
            var page = await client.ListBudgetsAsync(name, null, token).ConfigureAwait(false);
            var accounts = page.Accounts.ToList();
            for (var seen = new HashSet<string>(); page.Next is { } next;)
            {
                if (!seen.Add(next))
                    throw new RemoteFaultException("the server's pages of budgets lead in a circle");
                page = await client.ListBudgetsAsync(name, next, token).ConfigureAwait(false);
                accounts.AddRange(page.Accounts);
            }
            verb.Printer.Print(parsed, page with { Accounts = accounts, Next = null }, budgets => All(name, budgets));
        });
    }

    private static Command Grant(RemoteContext context)
    {
        var store = Arguments.Store();
        var subject = new Argument<string>("subject") { Description = "the user's name, as keys were made for it or as its issuer names it" };
        var epsilon = Arguments.Number("--epsilon", "the limit, in epsilon at the store's delta");
        var issuer = new Option<string?>("--issuer") { Description = "the issuer of the user's tokens, as the server's JwtAuthority names it; default: the name is one that keys were made for", HelpName = "URL" };
        var verb = new RemoteCommand(context, "grant", "Let a user ask a store up to a limit, or set the limit anew; never below what is spent", store, subject, epsilon, issuer);
        return verb.Does(async (client, parsed, token) =>
        {
            var name = parsed.GetValue(store)!;
            var who = new AccountLookup(parsed.GetValue(subject)!, parsed.GetValue(issuer));
            verb.Printer.Print(parsed, await client.GrantAsync(name, who, parsed.Require(epsilon), token).ConfigureAwait(false), budget => One(name, budget));
        });
    }

    private static Command SetStore(RemoteContext context)
    {
        var store = Arguments.Store();
        var epsilon = Arguments.Number("--epsilon", "the limit of all users together, in epsilon at the store's delta");
        var verb = new RemoteCommand(context, "set-store", "Set the limit of all users of a store together; never below what is spent", store, epsilon);
        return verb.Does(async (client, parsed, token) =>
        {
            var name = parsed.GetValue(store)!;
            verb.Printer.Print(parsed, await client.SetStoreLimitAsync(name, parsed.Require(epsilon), token).ConfigureAwait(false), budgets => [Together(name, budgets)]);
        });
    }

    private static Command Ledger(RemoteContext context)
    {
        var store = Arguments.Store();
        var account = new Option<string?>("--account") { Description = "another account's, by its id, for the store's owner; default: your own", HelpName = "ID" };
        var lines = new Option<bool>("--jsonl") { Description = "one JSON object a line, whole, for keeping" };
        var verb = new RemoteCommand(context, "ledger", "Every entry of a ledger at a store", store, account, lines);
        return verb.Does(async (client, parsed, token) =>
        {
            var (name, id) = (parsed.GetValue(store)!, parsed.GetValue(account));
            if (parsed.GetValue(lines))
            {
                using var whole = new MemoryStream();
                await client.ExportLedgerAsync(name, whole, id, token).ConfigureAwait(false);
                context.Output.Write(Encoding.UTF8.GetString(whole.GetBuffer(), 0, (int)whole.Length));
                return;
            }
            var entries = id is null ? client.ListLedgerAsync(name, token) : client.ListAccountLedgerAsync(name, id, token);
            verb.Printer.Print(parsed, await entries.ToListAsync(token).ConfigureAwait(false), found => Lines(name, found));
        });
    }

    private static IEnumerable<(string, Table)> One(string store, BudgetDescription budget)
    {
        yield return ($"Budget at store {store} (epsilon at delta {Numbers.Short(budget.Delta)})", Tables.Pairs(
            ("account", budget.Account),
            ("limit", Numbers.Short(budget.Limit)),
            ("spent", Numbers.Short(budget.Spent)),
            ("remaining", $"{Numbers.Short(budget.Remaining)} at most for one further charge"),
            ("opened", Opened(budget)),
            ("about", Reach(budget))));
    }

    private static IEnumerable<(string, Table)> All(string store, StoreBudgets budgets)
    {
        yield return Together(store, budgets);
        var table = Tables.Grid("account", "limit", "spent", "remaining", "opened");
        foreach (var b in budgets.Accounts)
            table.AddRow(Markup.Escape(b.Account), Numbers.Short(b.Limit), Numbers.Short(b.Spent), Numbers.Short(b.Remaining), Markup.Escape(Opened(b)));
        yield return ($"{budgets.Accounts.Count} accounts", table);
    }

    private static (string, Table) Together(string store, StoreBudgets budgets) => ($"Store {store}, all users together (epsilon at delta {Numbers.Short(budgets.Delta)})", Tables.Pairs(
        ("limit", Numbers.Short(budgets.Limit)), ("spent", Numbers.Short(budgets.Spent)), ("remaining", Numbers.Short(budgets.Remaining))));

    private static IEnumerable<(string, Table)> Lines(string store, List<LedgerLine> lines)
    {
        var table = Tables.Grid("entry", "at", "kind", "epsilon", "release", "tier", "request");
        foreach (var line in lines)
        {
            table.AddRow(
                $"{line.Sequence}", $"{line.At.UtcDateTime:u}", Markup.Escape(line.Kind), Numbers.Short(line.Epsilon), Markup.Escape(line.Release ?? ""),
                line.Tier is { } tier ? $"{tier}" : "", Markup.Escape(line.Request ?? ""));
        }
        yield return ($"Ledger at store {store}, {lines.Count} entries; each epsilon is its own conversion, they do not add", table);
    }

    private static string Reach(BudgetDescription budget) =>
        budget.Reach is not { Count: > 0 } tiers ? "" : string.Join(", ", tiers.Select(tier => $"{Numbers.Count(tier.AboutMore)} more at epsilon {Numbers.Short(tier.Epsilon)}"));

    private static string Opened(BudgetDescription budget) =>
        budget.Opened.Count == 0 ? "nothing" : string.Join(", ", budget.Opened.Select(o => $"tier {o.Tier} of {o.Release}"));
}
