using System.Text.Json;
using DpAttn.Cli.Remote;
using DpAttn.Client;

namespace DpAttn.Cli.Tests.Remote;

/// <summary>Runs a verb in process against a fake server.</summary>
internal sealed class Verb
{
    public const string Key = "dpk_SECRETSECRET";

    public Dictionary<string, string> Variables { get; } = new() { ["DPATTN_ENDPOINT"] = "https://attention.example.org", ["DPATTN_API_KEY"] = Key };

    public FakeClient Client { get; init; } = new();

    /// <summary>The options that the client was made with.</summary>
    public DpAttentionOptions? Options { get; private set; }

    public List<TimeSpan> Waits { get; } = [];

    public string Output { get; private set; } = "";

    public string Error { get; private set; } = "";

    public JsonElement Json => JsonDocument.Parse(Output).RootElement;

    public int Run(params string[] args)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = CommandLine.Run(args, output, error, new RemoteEnvironment
        {
            Connect = options =>
            {
                Options = options;
                return Client;
            },
            Variable = name => Variables.GetValueOrDefault(name),
            Delay = (wait, token) =>
            {
                Waits.Add(wait);
                return Task.CompletedTask;
            },
        });
        (Output, Error) = (output.ToString(), error.ToString());
        Assert.DoesNotContain(Key, Output + Error);
        return code;
    }

    /// <summary>Runs a verb that must succeed.</summary>
    public Verb Done(params string[] args)
    {
        var code = Run(args);
        Assert.True(code == 0, $"exit code {code}: {Error}");
        Assert.True(Client.IsDisposed);
        return this;
    }

    /// <summary>Runs a verb that must fail, with nothing on standard output.</summary>
    public string Fails(int code, params string[] args)
    {
        var got = Run(args);
        Assert.True(code == got, $"exit code {got}: {Output} {Error}");
        Assert.Equal("", Output);
        return Error.TrimEnd();
    }
}
