using System.CommandLine;
using DpAttn.Client;

namespace DpAttn.Cli.Remote;

/// <summary>The flags that every server verb has: where the server is, and who asks. A key is never a flag: command lines are seen by others.</summary>
internal sealed class ServerOptions
{
    public const string EndpointVariable = "DPATTN_ENDPOINT";
    public const string KeyVariable = "DPATTN_API_KEY";

    private const int LongestKeyFile = 64 * 1024;

    private readonly Option<string?> _endpoint = new("--endpoint") { Description = $"the server's address; default: {EndpointVariable}", HelpName = "URL" };
    private readonly Option<string?> _keyFile = new("--api-key-file") { Description = $"a file whose first line is the API key, or - for standard input; default: {KeyVariable}", HelpName = "FILE" };
    private readonly Option<bool> _plainHttp = new("--plain-http") { Description = "send the key unencrypted to another machine" };

    public void AddTo(Command command)
    {
        command.Options.Add(_endpoint);
        command.Options.Add(_keyFile);
        command.Options.Add(_plainHttp);
    }

    /// <exception cref="ArgumentException">No endpoint, no key, or one that cannot be.</exception>
    public DpAttentionOptions Read(ParseResult parsed, RemoteEnvironment environment)
    {
        var stated = parsed.GetValue(_endpoint) ?? NullIfEmpty(environment.Variable(EndpointVariable))
            ?? throw new ArgumentException($"state --endpoint URL or set {EndpointVariable}");
        if (!Uri.TryCreate(stated, UriKind.Absolute, out var endpoint) || (endpoint.Scheme != Uri.UriSchemeHttp && endpoint.Scheme != Uri.UriSchemeHttps))
            throw new ArgumentException("the endpoint must be an address such as https://attention.example.org");
        if (endpoint.Scheme == Uri.UriSchemeHttp && !endpoint.IsLoopback && !parsed.GetValue(_plainHttp))
            throw new ArgumentException($"{endpoint.GetLeftPart(UriPartial.Authority)} is http and not this machine, so the key would travel unencrypted; use https, or state --plain-http");
        return new DpAttentionOptions { Endpoint = endpoint, ApiKey = ReadKey(parsed, environment), AllowPlainHttp = parsed.GetValue(_plainHttp) };
    }

    private string ReadKey(ParseResult parsed, RemoteEnvironment environment)
    {
        var key = parsed.GetValue(_keyFile) switch
        {
            null => environment.Variable(KeyVariable),
            "-" => Console.In.ReadLine(),
            var path => FirstLine(path),
        };
        return NullIfEmpty(key?.Trim()) ?? throw new ArgumentException($"there is no API key: set {KeyVariable}, or state --api-key-file FILE");
    }

    private static string? FirstLine(string path)
    {
        using var stream = File.OpenRead(path);
        if (stream.Length > LongestKeyFile)
            throw new ArgumentException($"{Path.GetFileName(path)} has {stream.Length} bytes; a key file has at most {LongestKeyFile}");
        using var reader = new StreamReader(stream);
        return reader.ReadLine();
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
