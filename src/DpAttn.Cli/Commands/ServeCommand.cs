using System.CommandLine;
using DpAttn.Server;

namespace DpAttn.Cli.Commands;

/// <summary>dpattn serve: the whole cluster in one process, on one SQLite file or on a PostgreSQL database.</summary>
internal static class ServeCommand
{
    public const string Name = "serve";

    public static Command Create()
    {
        var defaults = new ServerOptions();
        var data = new Option<string?>("--data") { Description = $"where the data lives; made when it is missing; default: {defaults.DataDirectory}", HelpName = "DIRECTORY" };
        var listen = new Option<string?>("--listen") { Description = $"where the API listens; default: {defaults.Listen}", HelpName = "URL" };
        var adminListen = new Option<string?>("--admin-listen") { Description = $"where health answers; default: {defaults.AdminListen}", HelpName = "URL" };
        var settings = new Option<string[]>("--set") { Description = "any other setting of the server's section DpAttn", HelpName = "NAME=VALUE", AllowMultipleArgumentsPerToken = false };
        var migrate = new Option<bool>("--migrate") { Description = "apply the storage's schema and end, instead of serving; a PostgreSQL database needs it before its first start and after an upgrade" };
        var command = new Command(Name, "Serve stores over HTTP until Ctrl-C; the first start prints an operator key, once")
        {
            data, listen, adminListen, settings, migrate,
        };
        command.SetAction(async (parsed, _) => await DpAttnServer.RunAsync(
            [
                .. Setting(nameof(ServerOptions.DataDirectory), parsed.GetValue(data)),
                .. Setting(nameof(ServerOptions.Listen), parsed.GetValue(listen)),
                .. Setting(nameof(ServerOptions.AdminListen), parsed.GetValue(adminListen)),
                .. (parsed.GetValue(settings) ?? []).SelectMany(Parse),
                .. parsed.GetValue(migrate) ? [DpAttnServer.MigrateFlag] : (string[])[],
            ]).ConfigureAwait(false));
        return command;
    }

    private static string[] Parse(string setting)
    {
        var split = setting.IndexOf('=', StringComparison.Ordinal);
        return split > 0
            ? Setting(setting[..split], setting[(split + 1)..])
            : throw new ArgumentException($"--set takes NAME=VALUE, not '{setting}'");
    }

    private static string[] Setting(string name, string? value) => value is null ? [] : [$"--{ServerOptions.Section}:{name}", value];
}
