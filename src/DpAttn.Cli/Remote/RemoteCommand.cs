using System.CommandLine;
using DpAttn.Client;

namespace DpAttn.Cli.Remote;

/// <summary>A verb against a server: its common flags, its client, and what its failures mean.</summary>
internal sealed class RemoteCommand
{
    private readonly RemoteContext _context;
    private readonly ServerOptions _server = new();

    public RemoteCommand(RemoteContext context, string name, string description, params Symbol[] symbols)
    {
        _context = context;
        Printer = new Printer(context.Output);
        Command = new Command(name, description);
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument)
                Command.Arguments.Add(argument);
            else
                Command.Options.Add((Option)symbol);
        }
        Printer.AddTo(Command);
        _server.AddTo(Command);
    }

    public Command Command { get; }

    public Printer Printer { get; }

    /// <summary>What the verb does with a client.</summary>
    public Command Does(Func<IDpAttentionClient, ParseResult, CancellationToken, Task> action) => Does((_, client, parsed, token) => action(client, parsed, token));

    /// <summary>What the verb does with a client whose options it wants to see.</summary>
    public Command Does(Func<DpAttentionOptions, IDpAttentionClient, ParseResult, CancellationToken, Task> action)
    {
        Command.SetAction(async (parsed, token) =>
        {
            var options = _server.Read(parsed, _context.Environment);
            var client = _context.Environment.Connect(options);
            try
            {
                await action(options, client, parsed, token).ConfigureAwait(false);
                return ExitCode.Done;
            }
            catch (DpAttentionException failure)
            {
                throw RemoteFaults.Translate(failure);
            }
            catch (OperationCanceledException) when (token.IsCancellationRequested)
            {
                throw new RemoteFaultException("stopped");
            }
            finally
            {
                (client as IDisposable)?.Dispose();
            }
        });
        return Command;
    }
}
