using System.CommandLine;
using DpAttn.Cli.Output;
using DpAttn.Contracts;
using Spectre.Console;

namespace DpAttn.Cli.Remote;

/// <summary>dpattn key: who may call the server.</summary>
internal static class KeyCommand
{
    public const string Name = "key";

    public static Command Create(RemoteContext context) => new(Name, "API keys")
    {
        CreateKey(context), List(context), Revoke(context),
    };

    private static Command CreateKey(RemoteContext context)
    {
        var subject = new Argument<string>("subject") { Description = "who it is for; all keys of one subject are one account" };
        var role = new Option<string>("--role") { Description = "what it may do", HelpName = string.Join('|', Roles.All), DefaultValueFactory = _ => Roles.User };
        role.AcceptOnlyFromAmong([.. Roles.All]);
        var verb = new RemoteCommand(context, "create", "Make a key; it is shown once and stored only as a hash", subject, role);
        return verb.Does(async (client, parsed, token) =>
        {
            var created = await client.CreateKeyAsync(new KeyRequest(parsed.GetValue(subject)!, parsed.GetValue(role)!), token).ConfigureAwait(false);
            verb.Printer.Print(parsed, created, key =>
            [
                ("A new key", Tables.Pairs(("key", key.Key), ("id", key.Id), ("account", key.Account), ("role", key.Role))),
            ]);
            context.Note("the key is shown this once; keep it like a password");
        });
    }

    private static Command List(RemoteContext context)
    {
        var verb = new RemoteCommand(context, "list", "The keys that you may revoke, without their secrets");
        return verb.Does(async (client, parsed, token) =>
            verb.Printer.Print(parsed, await client.ListKeysAsync(token).ConfigureAwait(false), list =>
            {
                var table = Tables.Grid("key", "account", "role", "created", "revoked");
                foreach (var key in list.Keys)
                    table.AddRow(Markup.Escape(key.Id), Markup.Escape(key.Account), Markup.Escape(key.Role), $"{key.Created.UtcDateTime:u}", key.Revoked is { } at ? $"{at.UtcDateTime:u}" : "");
                return [($"{list.Keys.Count} keys", table)];
            }));
    }

    private static Command Revoke(RemoteContext context)
    {
        var id = new Argument<string>("id") { Description = "the key's id" };
        var verb = new RemoteCommand(context, "revoke", "Revoke a key for ever; within 5 s everywhere", id);
        return verb.Does(async (client, parsed, token) =>
        {
            var key = parsed.GetValue(id)!;
            await client.RevokeKeyAsync(key, token).ConfigureAwait(false);
            verb.Printer.Print(parsed, new { Id = key, Revoked = true }, _ => [($"Key {key} is revoked", Tables.Pairs())]);
        });
    }
}
