using DpAttn.Server;

namespace DpAttn.Cli.Tests;

public sealed class RecoverKeyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_recovered_key_is_printed_once_the_server_has_stopped()
    {
        var data = _folder.PathOf("data");
        await using (await EmbeddedServer.StartAsync(new ServerOptions { DataDirectory = data, Listen = "http://127.0.0.1:0", AdminListen = "" }))
            Dpattn.Run("key", "recover", "--data", data).IsRefused(ExitCode.Failed, "another process");
        var recovered = Dpattn.Run("key", "recover", "--data", data, "--output", "json").Json().GetProperty("key").GetString();
        Assert.Matches("^dpattn_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$", recovered);
        Assert.Contains("shown this once", Dpattn.Run("key", "recover", "--data", data).Output);
    }

    [Fact]
    public void Where_there_is_no_storage_there_is_no_key()
    {
        Dpattn.Run("key", "recover", "--data", _folder.PathOf("nothing")).IsRefused(ExitCode.Failed, "there is no storage in");
        Dpattn.Run("key", "recover").IsRefused(ExitCode.Usage, "--data");
    }

    [Fact]
    public void Serve_refuses_settings_that_it_does_not_know()
    {
        var refused = Dpattn.Start(["serve", "--data", _folder.PathOf("data"), "--set", "Colour=red"]);
        Assert.Equal(ExitCode.Usage, refused.ExitCode);
        Assert.Contains("Colour", refused.Error);
        Dpattn.Run("serve", "--set", "Colour").IsRefused(ExitCode.Usage, "NAME=VALUE");
    }
}
