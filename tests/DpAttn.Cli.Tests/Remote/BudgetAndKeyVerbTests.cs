using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Cli.Tests.Remote;

public class BudgetAndKeyVerbTests
{
    [Fact]
    public void Ones_own_budget_is_shown()
    {
        Verb Showing() => new() { Client = new() { GetBudget = store => store == "packages" ? Samples.Budget() : throw new InvalidOperationException() } };
        Assert.Contains("tier 1 of r1", Showing().Done("budget", "show", "packages").Output);
        Assert.Equal(1.5, Showing().Done("budget", "show", "packages", "--output", "json").Json.GetProperty("remaining").GetDouble());
    }

    [Fact]
    public void Every_page_of_all_budgets_is_shown()
    {
        var cursors = new List<string?>();
        Verb Showing() => new()
        {
            Client = new()
            {
                ListBudgets = (_, cursor) =>
                {
                    cursors.Add(cursor);
                    return cursor switch
                    {
                        null => new StoreBudgets(1e-6, 4, 2, 3, [Samples.Budget("acc1")], "c2"),
                        "c2" => new StoreBudgets(1e-6, 4, 2, 3, [], "c3"),
                        _ => new StoreBudgets(1e-6, 4, 2, 3, [Samples.Budget("acc2") with { Opened = [] }], null),
                    };
                },
            },
        };
        var table = Showing().Done("budget", "show", "packages", "--all").Output;
        Assert.Contains("2 accounts", table);
        Assert.Contains("acc2", table);
        Assert.Equal([null, "c2", "c3"], cursors);
        var json = Showing().Done("budget", "show", "packages", "--all", "--output", "json").Json;
        Assert.Equal(2, json.GetProperty("accounts").GetArrayLength());
    }

    [Fact]
    public void Pages_that_lead_in_a_circle_end()
    {
        var verb = new Verb { Client = new() { ListBudgets = (_, cursor) => new StoreBudgets(1e-6, 4, 2, 3, [], cursor == "c1" ? "c2" : "c1") } };
        Assert.Equal("dpattn: the server's pages of budgets lead in a circle", verb.Fails(1, "budget", "show", "packages", "--all"));
    }

    [Fact]
    public void A_grant_needs_its_limit_and_shows_the_budget()
    {
        var grants = new List<(string, AccountLookup, double)>();
        Verb Granting() => new()
        {
            Client = new()
            {
                Grant = (store, who, epsilon) =>
                {
                    grants.Add((store, who, epsilon));
                    return Samples.Budget();
                },
            },
        };
        Assert.Equal("dpattn: state --epsilon: the limit, in epsilon at the store's delta", Granting().Fails(2, "budget", "grant", "packages", "ada"));
        Assert.Empty(grants);
        Assert.Contains("acc1", Granting().Done("budget", "grant", "packages", "ada", "--epsilon", "2").Output);
        Granting().Done("budget", "grant", "packages", "ada", "--epsilon", "2", "--issuer", "https://issuer.example.org");
        Assert.Equal([("packages", new AccountLookup("ada"), 2), ("packages", new AccountLookup("ada", "https://issuer.example.org"), 2)], grants);
    }

    [Fact]
    public void A_limit_below_what_is_spent_is_refused_in_the_servers_words()
    {
        var verb = new Verb { Client = new() { Grant = (_, _, _) => throw new DpAttentionException("grant a limit at store 'packages': 1 is spent", Samples.Problem(400, ProblemCodes.InvalidRequest)) } };
        Assert.Equal("dpattn: grant a limit at store 'packages': 1 is spent", verb.Fails(1, "budget", "grant", "packages", "ada", "--epsilon", "0.5"));
    }

    [Fact]
    public void The_ledger_is_shown_entry_by_entry()
    {
        Verb Showing() => new()
        {
            Client = new()
            {
                ListLedger = _ =>
                [
                    new LedgerLine(1, DateTimeOffset.UnixEpoch, "limit", 200, 2, 1e-6),
                    new LedgerLine(2, DateTimeOffset.UnixEpoch, "open", 100, 1, 1e-6, "ask[1]", "r1", 1),
                ],
            },
        };
        var table = Showing().Done("budget", "ledger", "packages").Output;
        Assert.Contains("2 entries", table);
        Assert.Contains("ask[1]", table);
        Assert.Contains("1970-01-01 00:00:00Z", table);
        Assert.Equal("open", Showing().Done("budget", "ledger", "packages", "--output", "json").Json[1].GetProperty("kind").GetString());
    }

    [Fact]
    public void An_owner_reads_the_ledger_of_an_account_and_keeps_it_as_lines()
    {
        var table = new Verb { Client = new() { ListAccountLedger = (store, account) => [new LedgerLine(1, DateTimeOffset.UnixEpoch, "charge", 200, 2, 1e-6, $"{store} {account}")] } };
        Assert.Contains("packages acc7", table.Done("budget", "ledger", "packages", "--account", "acc7").Output);
        Verb Keeping() => new() { Client = new() { ExportLedger = (store, account) => $"{{\"{store}\":\"{account ?? "own"}\"}}\n" } };
        Assert.Equal("{\"packages\":\"acc7\"}\n", Keeping().Done("budget", "ledger", "packages", "--account", "acc7", "--jsonl").Output);
        Assert.Equal("{\"packages\":\"own\"}\n", Keeping().Done("budget", "ledger", "packages", "--jsonl").Output);
    }

    [Fact]
    public void The_limit_of_a_store_is_set_and_shown_without_accounts()
    {
        var set = new List<(string, double)>();
        Verb Setting() => new()
        {
            Client = new()
            {
                SetStoreLimit = (store, epsilon) =>
                {
                    set.Add((store, epsilon));
                    return new StoreBudgets(1e-6, epsilon, 1.25, 3.5, [Samples.Budget("acc1")]);
                },
            },
        };
        Assert.Equal("dpattn: state --epsilon: the limit of all users together, in epsilon at the store's delta", Setting().Fails(2, "budget", "set-store", "packages"));
        Assert.Empty(set);
        var output = Setting().Done("budget", "set-store", "packages", "--epsilon", "4.5").Output;
        Assert.Contains("4.5", output);
        Assert.Contains("1.25", output);
        Assert.DoesNotContain("acc1", output);
        Assert.Equal([("packages", 4.5)], set);
    }

    [Fact]
    public void A_budget_says_how_far_it_reaches()
    {
        var budget = Samples.Budget() with { Reach = [new TierReach(0, 0.5, 1234), new TierReach(1, 2, 7)] };
        var output = new Verb { Client = new() { GetBudget = _ => budget } }.Done("budget", "show", "packages").Output;
        Assert.Contains("more at epsilon 0.5", output);
        Assert.Contains("7 more at epsilon 2", output);
    }

    [Fact]
    public void A_new_key_is_shown_once_with_a_note_beside_it()
    {
        KeyRequest? asked = null;
        Verb Creating() => new()
        {
            Client = new()
            {
                CreateKey = request =>
                {
                    asked = request;
                    return new KeyCreated("k1", "dpk_new", "acc1", request.Role);
                },
            },
        };
        var verb = Creating().Done("key", "create", "ada");
        Assert.Equal(new KeyRequest("ada", Roles.User), asked);
        Assert.Contains("dpk_new", verb.Output);
        Assert.Equal("dpattn: the key is shown this once; keep it like a password", verb.Error.TrimEnd());
        verb = Creating().Done("key", "create", "grace", "--role", "owner", "--output", "json");
        Assert.Equal(new KeyRequest("grace", Roles.Owner), asked);
        Assert.Equal("dpk_new", verb.Json.GetProperty("key").GetString());
    }

    [Fact]
    public void A_role_that_is_none_is_a_usage_fault()
    {
        var error = new Verb().Fails(2, "key", "create", "ada", "--role", "admin");
        Assert.Contains("admin", error);
    }

    [Fact]
    public void Keys_are_listed_and_revoked()
    {
        var revoked = new List<string>();
        var client = () => new FakeClient
        {
            ListKeys = () => new KeyList([new KeyDescription("k1", "acc1", "user", DateTimeOffset.UnixEpoch, null), new KeyDescription("k2", "acc1", "owner", DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddDays(1))]),
            RevokeKey = revoked.Add,
        };
        var table = new Verb { Client = client() }.Done("key", "list").Output;
        Assert.Contains("2 keys", table);
        Assert.Contains("1970-01-02 00:00:00Z", table);
        Assert.Equal(2, new Verb { Client = client() }.Done("key", "list", "--output", "json").Json.GetProperty("keys").GetArrayLength());
        Assert.Contains("Key k1 is revoked", new Verb { Client = client() }.Done("key", "revoke", "k1").Output);
        Assert.Equal(["k1"], revoked);
    }

    [Fact]
    public void The_audit_log_is_exported_from_where_one_left_off()
    {
        var asked = new List<long>();
        Verb Reading() => new()
        {
            Client = new()
            {
                ListAudit = after =>
                {
                    asked.Add(after);
                    return [new AuditLine(after + 1, DateTimeOffset.UnixEpoch, "key.create", "acc1", null, "k1", null)];
                },
            },
        };
        Assert.Contains("key.create", Reading().Done("log").Output);
        Assert.Equal(8, Reading().Done("log", "--after", "7", "--output", "json").Json[0].GetProperty("sequence").GetInt64());
        Assert.Equal([0, 7], asked);
        var folded = new Verb { Client = new() { ListAudit = _ => [new AuditLine(1, DateTimeOffset.UnixEpoch, "budget.grant", new string('a', 32), new string('b', 32), new string('c', 32), new string('d', 64))] } };
        Assert.Contains("aaaaaaaaaaaa...", folded.Done("log").Output);
        Assert.Contains(new string('d', 64), folded.Done("log", "--output", "json").Output);
    }
}
