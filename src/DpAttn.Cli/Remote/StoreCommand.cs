using System.CommandLine;
using System.Text.Json;
using DpAttn.Cli.Output;

namespace DpAttn.Cli.Remote;

/// <summary>dpattn store: create, show, list, delete, close a block of a continual release, and the machine-readable claim of a release.</summary>
internal static class StoreCommand
{
    public static Command Create(RemoteContext context) => new("store", "Stores on a server")
    {
        CreateStore(context), Show(context), List(context), CloseBlock(context), Statement(context), Delete(context),
    };

    private static Command CreateStore(RemoteContext context)
    {
        var store = Arguments.Store();
        var definition = new DefinitionOptions();
        var verb = new RemoteCommand(context, "create", "Make a store from public statements; making the same one again changes nothing", [store, .. definition.All]);
        return verb.Does(async (client, parsed, token) =>
            verb.Printer.Print(parsed, await client.EnsureStoreAsync(parsed.GetValue(store)!, definition.Read(parsed), token).ConfigureAwait(false), StoreTables.Store));
    }

    private static Command Show(RemoteContext context)
    {
        var store = Arguments.Store();
        var verb = new RemoteCommand(context, "show", "A store, its bounds and its releases", store);
        return verb.Does(async (client, parsed, token) =>
            verb.Printer.Print(parsed, await client.GetStoreAsync(parsed.GetValue(store)!, token).ConfigureAwait(false), StoreTables.Store));
    }

    private static Command List(RemoteContext context)
    {
        var verb = new RemoteCommand(context, "list", "The stores that you own or were granted");
        return verb.Does(async (client, parsed, token) =>
            verb.Printer.Print(parsed, await client.ListStoresAsync(token).ConfigureAwait(false), StoreTables.List));
    }

    private static Command CloseBlock(RemoteContext context)
    {
        var store = Arguments.Store();
        var release = new Argument<string>("release") { Description = "the release's id" };
        var block = new Option<long?>("--block") { Description = "the block, which makes repeating the command harmless; default: the one that is open now" };
        var verb = new RemoteCommand(context, "close-block", "Close the open block of a continual release before it is full: what it has left stays empty for ever", store, release, block);
        return verb.Does(async (client, parsed, token) =>
        {
            var (name, id) = (parsed.GetValue(store)!, parsed.GetValue(release)!);
            var chosen = parsed.GetValue(block)
                ?? (await client.GetReleaseAsync(name, id, token).ConfigureAwait(false)).Continual?.BlocksClosed
                ?? throw new ArgumentException($"release {id} of store '{name}' is of all rows at once: only a continual store has blocks to close");
            verb.Printer.Print(parsed, await client.CloseBlockAsync(name, id, chosen, token).ConfigureAwait(false), StoreTables.Release);
        });
    }

    private static Command Statement(RemoteContext context)
    {
        var store = Arguments.Store();
        var release = new Argument<string>("release") { Description = "the release's id" };
        var verb = new RemoteCommand(context, "statement", "The machine-readable privacy claim of a release, from which anybody can recompute it; JSON", store, release);
        return verb.Does(async (client, parsed, token) =>
        {
            var statement = await client.GetPrivacyStatementAsync(parsed.GetValue(store)!, parsed.GetValue(release)!, token).ConfigureAwait(false);
            context.Output.WriteLine(JsonSerializer.Serialize(statement, FullJson.Options));
        });
    }

    private static Command Delete(RemoteContext context)
    {
        var store = Arguments.Store();
        var yes = new Option<bool>("--yes") { Description = "really" };
        var verb = new RemoteCommand(context, "delete", "Delete a store's rows and releases for ever; what was spent stays recorded", store, yes);
        return verb.Does(async (client, parsed, token) =>
        {
            var name = parsed.GetValue(store)!;
            if (!parsed.GetValue(yes))
                throw new ArgumentException($"this deletes the rows and releases of store '{name}' for ever; state --yes if that is meant");
            await client.DeleteStoreAsync(name, token).ConfigureAwait(false);
            verb.Printer.Print(parsed, new { Store = name, Deleted = true }, _ => [($"Store {name} is deleted", Tables.Pairs())]);
        });
    }
}
