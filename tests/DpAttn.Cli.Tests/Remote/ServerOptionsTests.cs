using DpAttn.Cli.Tests.Files;
using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Cli.Tests.Remote;

/// <summary>What every verb shares: endpoint, key, refusals, exit codes.</summary>
public sealed class ServerOptionsTests : IDisposable
{
    private readonly Scratch _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Endpoint_and_key_come_from_the_environment()
    {
        var verb = Listing().Done("key", "list");
        Assert.Equal(("https://attention.example.org/", Verb.Key, false), (verb.Options!.Endpoint!.AbsoluteUri, verb.Options.ApiKey, verb.Options.AllowPlainHttp));
    }

    [Fact]
    public void Flags_go_before_the_environment()
    {
        var verb = Listing().Done("key", "list", "--endpoint", "http://localhost:8080", "--api-key-file", _files.Write("key", "dpk_other\n"));
        Assert.Equal(("http://localhost:8080/", "dpk_other"), (verb.Options!.Endpoint!.AbsoluteUri, verb.Options.ApiKey));
    }

    [Fact]
    public void A_missing_endpoint_or_key_is_asked_for()
    {
        var verb = Listing();
        verb.Variables.Remove("DPATTN_ENDPOINT");
        Assert.Equal("dpattn: state --endpoint URL or set DPATTN_ENDPOINT", verb.Fails(2, "key", "list"));
        verb = Listing();
        verb.Variables["DPATTN_API_KEY"] = "";
        Assert.Equal("dpattn: there is no API key: set DPATTN_API_KEY, or state --api-key-file FILE", verb.Fails(2, "key", "list"));
        Assert.Equal("dpattn: there is no API key: set DPATTN_API_KEY, or state --api-key-file FILE", Listing().Fails(2, "key", "list", "--api-key-file", _files.Write("key", "\n")));
    }

    [Fact]
    public void A_key_file_that_is_missing_or_huge_is_refused()
    {
        Assert.Contains("none.txt", Listing().Fails(1, "key", "list", "--api-key-file", _files["none.txt"]));
        Assert.Equal("dpattn: key has 70000 bytes; a key file has at most 65536", Listing().Fails(2, "key", "list", "--api-key-file", _files.Write("key", new byte[70_000])));
    }

    [Theory]
    [InlineData("attention")]
    [InlineData("ftp://attention.example.org")]
    public void An_endpoint_that_is_none_is_refused(string endpoint) =>
        Assert.Equal("dpattn: the endpoint must be an address such as https://attention.example.org", Listing().Fails(2, "key", "list", "--endpoint", endpoint));

    [Fact]
    public void A_key_is_sent_unencrypted_only_when_that_is_said()
    {
        Assert.Equal(
            "dpattn: http://attention.example.org is http and not this machine, so the key would travel unencrypted; use https, or state --plain-http",
            Listing().Fails(2, "key", "list", "--endpoint", "http://attention.example.org"));
        Assert.True(Listing().Done("key", "list", "--endpoint", "http://attention.example.org", "--plain-http").Options!.AllowPlainHttp);
    }

    [Fact]
    public void The_real_client_refuses_a_key_that_cannot_be_one_without_repeating_it()
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = CommandLine.Run(["key", "list", "--endpoint", "https://attention.example.org"], output, error, new() { Variable = _ => "SECRET key" });
        Assert.Equal(2, code);
        Assert.Equal("dpattn: ApiKey must be at most 16384 printable ASCII characters without spaces", error.ToString().TrimEnd());
    }

    [Fact]
    public void A_server_that_is_not_there_is_a_failure_with_its_name()
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        using var probe = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        probe.Start();
        var port = ((System.Net.IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        var code = CommandLine.Run(["key", "list", "--endpoint", $"http://127.0.0.1:{port}"], output, error, new()
        {
            Variable = _ => Verb.Key,
            Connect = options =>
            {
                options.MaxRetries = 0;
                return new DpAttentionClient(options);
            },
        });
        Assert.Equal(1, code);
        Assert.StartsWith($"dpattn: list keys: http://127.0.0.1:{port} cannot be reached", error.ToString());
    }

    [Fact]
    public void A_refusal_by_the_budget_has_an_exit_code_of_its_own_and_says_what_would_help()
    {
        var refusal = Samples.Problem(403, ProblemCodes.BudgetExhausted, "the limit does not admit tier 1") with
        {
            Requested = 1,
            Remaining = 0.25,
            ShortBy = 0.5,
            Delta = 1e-6,
            Affordable = new TierPrice(0, 0.2, 1e-6, "r1"),
        };
        Assert.Equal(
            "dpattn: the limit does not admit tier 1; requested: epsilon 1 at delta 1E-06; at most 0.25 can be spent at once; a limit raised by 0.5 would admit it; tier 0 of release r1 fits, for 0.2; nothing was charged",
            Failing(new PrivacyBudgetExceededException(refusal)).Fails(3, "key", "list").Replace("1e-6", "1E-06"));
    }

    // The store's own limit refuses without amounts: they would tell of other users.
    [Fact]
    public void A_refusal_without_amounts_shows_none() =>
        Assert.Equal(
            "dpattn: the store's limit does not admit this; nothing was charged",
            Failing(new PrivacyBudgetExceededException(Samples.Problem(403, ProblemCodes.BudgetExhausted, "the store's limit does not admit this"))).Fails(3, "key", "list"));

    [Fact]
    public void What_is_not_open_comes_with_its_prices()
    {
        var problem = Samples.Problem(409, ProblemCodes.NotOpened) with { Prices = [new TierPrice(0, 0.25, 1e-6, "r1"), new TierPrice(1, 1, 1e-6, "r1")] };
        Assert.Equal(
            "dpattn: nothing is open; prices: tier 0 of release r1 for epsilon 0.25, tier 1 of release r1 for epsilon 1; open one with --release and --tier, or with --max-epsilon",
            Failing(new DpAttentionException("nothing is open", problem)).Fails(1, "key", "list"));
    }

    [Theory]
    [InlineData(ProblemCodes.Unauthenticated, "dpattn: text; is DPATTN_API_KEY a key of this server?")]
    [InlineData(ProblemCodes.NotFound, "dpattn: text")]
    [InlineData(ProblemCodes.NotOpened, "dpattn: text")]
    [InlineData(ProblemCodes.Forbidden, "dpattn: text")]
    public void Every_other_refusal_is_a_failure_with_the_servers_words(string code, string message) =>
        Assert.Equal(message, Failing(new DpAttentionException("text", Samples.Problem(400, code))).Fails(1, "key", "list"));

    [Fact]
    public void A_verb_needs_its_arguments()
    {
        Assert.Contains("see 'dpattn show --help'", Listing().Fails(2, "store", "show"));
        Assert.Contains("see 'dpattn attend --help'", Listing().Fails(2, "attend", "packages"));
        Assert.NotEmpty(Listing().Fails(2, "store"));
        Assert.NotEmpty(Listing().Fails(2, "key", "list", "--output", "xml"));
    }

    private static Verb Listing() => new() { Client = new() { ListKeys = () => new KeyList([]) } };

    private static Verb Failing(Exception failure) => new() { Client = new() { ListKeys = () => throw failure } };
}
