using System.CommandLine;

namespace DpAttn.Cli.Remote;

/// <summary>The verbs against a server.</summary>
internal static class RemoteCommands
{
    public static void AddTo(RootCommand root, TextWriter output, TextWriter error, RemoteEnvironment? environment)
    {
        var context = new RemoteContext(output, error, environment ?? new RemoteEnvironment());
        root.Subcommands.Add(StoreCommand.Create(context));
        root.Subcommands.Add(LoadCommand.Create(context));
        root.Subcommands.Add(PublishCommand.Create(context));
        root.Subcommands.Add(AttendCommand.Create(context));
        root.Subcommands.Add(BudgetCommand.Create(context));
        root.Subcommands.Add(KeyCommand.Create(context));
        root.Subcommands.Add(LogCommand.Create(context));
        root.Subcommands.Add(LedgerCommand.Create(context));
        root.Subcommands.Add(BackupCommand.Create(context));
        root.Subcommands.Add(RestoreCommand.Create(context));
    }
}
