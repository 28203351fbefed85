using System.CommandLine;
using System.CommandLine.Invocation;
using DpAttn.Cli.Output;
using DpAttn.Contracts;
using DpAttn.Storage;
using Spectre.Console;

namespace DpAttn.Cli.Remote;

/// <summary>
/// dpattn restore: puts a backup in place, on the machine itself, while no server runs; and, with --acknowledge, tells a running server that an operator knows what was
/// found in its ledgers.
/// </summary>
internal static class RestoreCommand
{
    public static Command Create(RemoteContext context)
    {
        var file = new Argument<string?>("file") { Description = "the backup, from 'dpattn backup'", Arity = ArgumentArity.ZeroOrOne };
        var data = new Option<string?>("--data") { Description = "the server's data directory; no server may be using it", HelpName = "DIRECTORY" };
        var acknowledge = new Option<bool>("--acknowledge") { Description = "against the server: open ledgers that it closed; refunds nothing" };
        var store = new Option<string?>("--store") { Description = "only this store, by name or incarnation; default: all", HelpName = "STORE" };
        var verb = new RemoteCommand(context, "restore", "Put a backup in the place of a stopped server's database, or acknowledge what a server found in its ledgers", file, data, acknowledge, store);
        var command = verb.Does(async (client, parsed, token) =>
        {
            var done = await client.AcknowledgeLedgersAsync(parsed.GetValue(store), token).ConfigureAwait(false);
            verb.Printer.Print(parsed, done, Acknowledged);
        });
        var remote = (AsynchronousCommandLineAction)command.Action!;
        command.SetAction((parsed, token) =>
        {
            var (backup, directory) = (parsed.GetValue(file), parsed.GetValue(data));
            if (parsed.GetValue(acknowledge))
            {
                return backup is null && directory is null
                    ? remote.InvokeAsync(parsed, token)
                    : throw new ArgumentException("--acknowledge is told to a running server, and takes neither a backup nor --data");
            }
            if (backup is null || directory is null || parsed.GetValue(store) is not null)
                throw new ArgumentException("state a backup and --data DIRECTORY, or --acknowledge (with --store STORE for one store)");
            Restore(context, verb.Printer, parsed, backup, directory);
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    private static void Restore(RemoteContext context, Printer printer, ParseResult parsed, string backup, string directory)
    {
        string? kept;
        try
        {
            kept = SqliteRestore.Restore(backup, directory);
        }
        catch (StorageException e)
        {
            throw new DataFaultException(e.Message);
        }
        printer.Print(parsed, new { Data = Path.GetFullPath(directory), Kept = kept }, restored =>
        [
            ("The backup is in place", Tables.Pairs(("data", restored.Data), ("the database of before", restored.Kept ?? "there was none"))),
        ]);
        context.Note("start the server: it closes the ledgers that have spent more since; 'dpattn ledger verify' tells what it found, and 'dpattn restore --acknowledge' opens them again and refunds nothing");
    }

    private static IEnumerable<(string, Table)> Acknowledged(AcknowledgementResult done)
    {
        var table = Tables.Grid("incarnation", "books written anew", "charged to the store (units)", "it was closed because");
        foreach (var ledger in done.Ledgers)
            table.AddRow(Markup.Escape(ledger.Incarnation), $"{ledger.Books}", $"{ledger.Units}", Markup.Escape(ledger.Reason));
        yield return (done.Ledgers.Count == 0 ? "No ledger was closed" : $"{done.Ledgers.Count} ledgers are open again; nothing was refunded", table);
    }
}
