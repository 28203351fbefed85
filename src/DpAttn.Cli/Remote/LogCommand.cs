using System.CommandLine;
using DpAttn.Cli.Output;
using DpAttn.Contracts;
using Spectre.Console;

namespace DpAttn.Cli.Remote;

/// <summary>dpattn log: the audit log of keys, grants, publishes and deletions, for operators.</summary>
internal static class LogCommand
{
    public static Command Create(RemoteContext context)
    {
        var after = Arguments.Whole("--after", "only lines behind this number; default: all");
        var verb = new RemoteCommand(context, "log", "The audit log: keys, grants, publishes, deletions; names accounts, never users", after);
        return verb.Does(async (client, parsed, token) =>
            verb.Printer.Print(parsed, await client.ListAuditAsync(parsed.GetValue(after) ?? 0, token).ToListAsync(token).ConfigureAwait(false), Lines));
    }

    private static IEnumerable<(string, Table)> Lines(List<AuditLine> lines)
    {
        var table = Tables.Grid("line", "at", "action", "by", "store", "target", "detail");
        foreach (var line in lines)
        {
            table.AddRow(
                $"{line.Sequence}", $"{line.At.UtcDateTime:u}", Markup.Escape(line.Action), Short(line.Actor), Short(line.Store), Short(line.Target), Short(line.Detail));
        }
        yield return ($"{lines.Count} lines; long ids are cut, --output json has them whole", table);
    }

    // Ids of 32 characters in five columns would fold every line.
    private static string Short(string? id) => Markup.Escape(id is null ? "" : id.Length <= 20 ? id : id[..12] + "...");
}
