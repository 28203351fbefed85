using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.Server;

namespace DpAttn.Cli.Tests.Remote;

public sealed class LedgerVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Whole_ledgers_are_told_and_are_no_failure()
    {
        var asked = new List<string>();
        var verb = new Verb { Client = Client(asked, []) }.Done("ledger", "verify");
        Assert.Equal(["inc-1", "inc-2"], asked);
        Assert.Contains("whole", verb.Output);
        Assert.Contains("packages (deleted)", verb.Output);
        var line = new Verb { Client = Client(asked, []) }.Done("ledger", "verify", "letters", "--output", "json").Json[0];
        Assert.Equal(("letters", "inc-1", 7), (line.GetProperty("store").GetString(), line.GetProperty("incarnation").GetString(), line.GetProperty("entries").GetInt32()));
    }

    [Theory]
    [InlineData(1, "(1 book)")]
    [InlineData(3, "(3 books)")]
    public void A_ledger_with_faults_is_a_failure_that_says_what_to_do(int books, string counted)
    {
        var verb = new Verb { Client = Client([], [new LedgerFinding("behind", books, "books are behind the witness")]) };
        Assert.Equal(ExitCode.Failed, verb.Run("ledger", "verify", "inc-1"));
        Assert.Contains("behind the witness", verb.Output.ReplaceLineEndings(" "));
        Assert.Contains(counted, verb.Output.ReplaceLineEndings(" "));
        Assert.Contains("1 of 1 ledgers are closed", verb.Error);
        Assert.Contains("dpattn restore --acknowledge", verb.Error);
    }

    [Fact]
    public void A_ledger_closed_before_is_a_failure_even_if_it_is_whole_now()
    {
        var verb = new Verb { Client = Client([], [], "the witness was lost") };
        Assert.Equal(ExitCode.Failed, verb.Run("ledger", "verify", "letters"));
        Assert.Contains("whole now", verb.Output.ReplaceLineEndings(" "));
    }

    [Fact]
    public void A_store_that_is_not_there_is_named()
    {
        Assert.Contains("no such store", new Verb { Client = Client([], []) }.Fails(ExitCode.Failed, "ledger", "verify", "nothing"));
        Assert.Contains("no such store", new Verb { Client = Client([], []) }.Fails(ExitCode.Failed, "ledger", "verify", "packages"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("letters")]
    public void An_acknowledgement_tells_what_was_opened_again(string? store)
    {
        string? asked = "nothing";
        var verb = new Verb
        {
            Client = new FakeClient
            {
                AcknowledgeLedgers = name =>
                {
                    asked = name;
                    return new AcknowledgementResult([new AcknowledgedLedger("inc-1", "books are behind the witness", 2, 512)]);
                },
            },
        };
        verb.Done(store is null ? ["restore", "--acknowledge"] : ["restore", "--acknowledge", "--store", store]);
        Assert.Equal(store, asked);
        Assert.Contains("nothing was refunded", verb.Output);
        Assert.Contains("512", verb.Output);
    }

    [Theory]
    [InlineData("restore")]
    [InlineData("restore", "file")]
    [InlineData("restore", "--data", "d")]
    [InlineData("restore", "file", "--data", "d", "--store", "s")]
    [InlineData("restore", "file", "--acknowledge")]
    [InlineData("restore", "--data", "d", "--acknowledge")]
    public void Restoring_and_acknowledging_are_two_things(params string[] args) => Assert.Contains("--acknowledge", new Verb().Fails(ExitCode.Usage, args));

    [Fact]
    public void A_backup_is_written_whole_or_not_at_all()
    {
        var path = _folder.PathOf("backup.db");
        var verb = new Verb { Client = new FakeClient { Backup = stream => stream.Write("a copy"u8) } }.Done("backup", path, "--output", "json");
        Assert.Equal("a copy", File.ReadAllText(path));
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("a copy"u8)), verb.Json.GetProperty("sha256").GetString());
        Assert.Contains("never restore the witness with it", verb.Error);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));

        Assert.Contains("is there already", new Verb().Fails(ExitCode.Failed, "backup", path));
        var broken = new Verb
        {
            Client = new FakeClient
            {
                Backup = stream =>
                {
                    stream.Write("half"u8);
                    throw new DpAttentionException("cut off after 4 bytes");
                },
            },
        };
        Assert.Contains("cut off", broken.Fails(ExitCode.Failed, "backup", _folder.PathOf("half.db")));
        Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public async Task A_backup_of_a_server_is_restored_and_closes_what_was_spent_since()
    {
        var data = _folder.PathOf("data");
        var options = new ServerOptions { DataDirectory = data, Listen = "http://127.0.0.1:0", AdminListen = "" };
        var (backup, keyFile) = (_folder.PathOf("backup.db"), _folder.PathOf("operator.key"));
        await using (var server = await EmbeddedServer.StartAsync(options))
        {
            await File.WriteAllTextAsync(keyFile, server.OperatorKey);
            using var @operator = new DpAttentionClient(new DpAttentionOptions { Endpoint = server.Endpoint, ApiKey = server.OperatorKey });
            var ownerKey = (await @operator.CreateKeyAsync(new KeyRequest("olga", Roles.Owner))).Key;
            using var owner = new DpAttentionClient(new DpAttentionOptions { Endpoint = server.Endpoint, ApiKey = ownerKey });
            await owner.EnsureStoreAsync("s", Samples.Store.Definition);
            Assert.Equal(ExitCode.Done, Dpattn.Run("backup", backup, "--endpoint", server.Endpoint.ToString(), "--api-key-file", keyFile).ExitCode);
            await owner.GrantAsync("s", "olga", 1);
            Dpattn.Run("restore", backup, "--data", data).IsRefused(ExitCode.Failed, "another process");
        }
        Dpattn.Run("restore", keyFile, "--data", data).IsRefused(ExitCode.Failed);
        Dpattn.Run("restore", _folder.PathOf("nothing"), "--data", data).IsRefused(ExitCode.Failed, "there is no file");
        var restored = Dpattn.Run("restore", backup, "--data", data, "--output", "json").Json();
        Assert.True(File.Exists(restored.GetProperty("kept").GetString()));

        await using var again = await EmbeddedServer.StartAsync(options);
        string[] server2 = ["--endpoint", again.Endpoint.ToString(), "--api-key-file", keyFile];
        var found = Dpattn.Run(["ledger", "verify", .. server2]);
        Assert.Equal(ExitCode.Failed, found.ExitCode);
        Assert.Contains("witness", found.Output);
        Assert.Contains("nothing was refunded", Dpattn.Run(["restore", "--acknowledge", .. server2]).Output);
        Assert.Equal(ExitCode.Done, Dpattn.Run(["ledger", "verify", .. server2]).ExitCode);
    }

    private static FakeClient Client(List<string> asked, LedgerFinding[] findings, string? suspension = null) => new()
    {
        ListLedgers = () => new LedgerList([new LedgerState("inc-1", "letters"), new LedgerState("inc-2", "packages", IsDeleted: true)]),
        VerifyLedger = incarnation =>
        {
            asked.Add(incarnation);
            return new LedgerCheck(incarnation, 2, 7, findings, suspension ?? (findings.Length > 0 ? findings[0].Detail : null));
        },
    };
}
