using System.Net;
using System.Net.Security;

namespace DpAttn.Server;

/// <summary>
/// What <c>--healthcheck</c> does: asks a server's health over HTTP from another process, for images without a shell or a client of their own.
/// </summary>
internal static class HealthCheck
{
    /// <summary>In place of serving: asks whether the server with these settings, on this machine, is ready; with <c>=URL</c> behind it, asks that address.</summary>
    public const string Flag = "--healthcheck";

    private const string Name = $"{ServerOptions.Section}:{nameof(ServerOptions.AdminListen)}";
    private const string ReadyPath = "/readyz";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    /// <summary>The argument that asks for a check, or null.</summary>
    public static string? Find(string[] args) => args.FirstOrDefault(IsFlag);

    /// <summary>Whether an argument is the flag, with or without an address.</summary>
    public static bool IsFlag(string argument) => argument == Flag || argument.StartsWith(Flag + "=", StringComparison.Ordinal);

    /// <summary>Asks, and says what it found where that is not 200.</summary>
    /// <param name="flag">The argument.</param>
    /// <param name="settings">The server's settings, asked only where no address is stated, and for its admin listener only: whether the others are still good, files that they name among them, says nothing of a server that runs.</param>
    /// <param name="tell">Told in one line why it is not well.</param>
    /// <returns>0 for 200; otherwise 1, also where there is no address to ask: runners of containers know no other.</returns>
    public static async Task<int> AskAsync(string flag, Func<IConfiguration> settings, Action<string> tell)
    {
        try
        {
            return await AskAsync(flag == Flag ? AddressOf(AdminListen(settings())) : Parse(flag[(Flag.Length + 1)..]), flag, tell);
        }
        catch (SettingsException e)
        {
            tell(e.Message);
        }
        catch (Exception e) when (e is InvalidDataException or FormatException or IOException or UnauthorizedAccessException)
        {
            // What the framework says of a file may repeat what is in it.
            tell($"the settings cannot be read: {e.GetType().Name}");
        }
        return 1;
    }

    private static async Task<int> AskAsync(Uri address, string flag, Action<string> tell)
    {
        // Who answers on this machine at its own listener is not in doubt, and its certificate is made out to other names.
        using var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false };
        if (address.IsLoopback || flag == Flag)
            handler.SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true };
        using var client = new HttpClient(handler) { Timeout = Patience };
        try
        {
            using var response = await client.GetAsync(address, HttpCompletionOption.ResponseHeadersRead);
            if (response.StatusCode == HttpStatusCode.OK)
                return 0;
            tell($"{address} answers {(int)response.StatusCode}");
        }
        catch (HttpRequestException e)
        {
            tell($"{address} does not answer: {e.HttpRequestError}");
        }
        catch (TaskCanceledException)
        {
            tell($"{address} does not answer within {Patience.TotalSeconds:0} s");
        }
        return 1;
    }

    /// <summary>Where the health of a server is asked from the same machine: at its first admin address.</summary>
    /// <param name="adminListen">Its <see cref="ServerOptions.AdminListen"/>.</param>
    /// <exception cref="SettingsException">It has no admin listener, or one whose port only itself knows.</exception>
    internal static Uri AddressOf(string adminListen)
    {
        var first = ListenAddress.Split(adminListen).FirstOrDefault();
        if (first is null || !ListenAddress.TryParse(first, out var listen, out _))
            throw new SettingsException([$"{Name} is '{adminListen}'; {Flag} needs an admin listener"]);
        if (listen.Port == 0)
            throw new SettingsException([$"{Name} is '{first}', a free port; {Flag} needs one that is stated"]);
        var host = listen.Address is null || listen.Address.Equals(IPAddress.Any) || listen.Address.Equals(IPAddress.IPv6Any) ? IPAddress.Loopback : listen.Address;
        return new UriBuilder(listen.IsHttps ? Uri.UriSchemeHttps : Uri.UriSchemeHttp, host.ToString(), listen.Port, ReadyPath).Uri;
    }

    private static string AdminListen(IConfiguration settings) => settings[Name] ?? new ServerOptions().AdminListen;

    private static Uri Parse(string text) => Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" && address.UserInfo.Length == 0
        ? address
        : throw new SettingsException([$"{Flag} names no address: it must be http or https without a user in it, such as {Flag}=http://127.0.0.1:8081{ReadyPath}"]);
}
