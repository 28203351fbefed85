using System.CommandLine;
using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Auditing;
using DpAttn.Cli.Commands;
using DpAttn.Cli.Remote;

namespace DpAttn.Cli;

/// <summary>The root command, and the one place where failures become messages and exit codes.</summary>
internal static class CommandLine
{
    public static int Run(string[] args, TextWriter output, TextWriter error, RemoteEnvironment? remote = null)
    {
        var root = new RootCommand("dpattn: cross-attention over private rows under differential privacy")
        {
            DemoCommand.Create(output, error),
            EstimateCommand.Create(output),
            CalcCommand.Create(output),
            AuditCommand.Create(output, error),
            BenchCommand.Create(output, error),
            ServeCommand.Create(),
        };
        RemoteCommands.AddTo(root, output, error, remote);
        root.Subcommands.Single(command => command.Name == KeyCommand.Name).Subcommands.Add(RecoverKeyCommand.Create(output));
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var fault in parsed.Errors)
                error.WriteLine($"dpattn: {fault.Message}");
            error.WriteLine($"dpattn: see 'dpattn {(parsed.CommandResult.Command is RootCommand ? "" : parsed.CommandResult.Command.Name + " ")}--help'");
            return ExitCode.Usage;
        }
        try
        {
            var invocation = new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = output, Error = error };
            // A server that is told to stop has a deadline of its own; the others end 2 s after a signal, at the latest.
            if (parsed.CommandResult.Command.Name == ServeCommand.Name)
                invocation.ProcessTerminationTimeout = null;
            return parsed.Invoke(invocation);
        }
        catch (RefusedByBudgetException e)
        {
            return Report(error, e.Message, ExitCode.RefusedByBudget);
        }
        catch (Exception e) when (e is RowRejectedException or QueryRejectedException or NpyFormatException or IOException or UnauthorizedAccessException or DataFaultException or AuditFailedException)
        {
            return Report(error, e.Message, ExitCode.Failed);
        }
        catch (ArgumentException e)
        {
            // The library refuses what a flag stated.
            return Report(error, e.Message, ExitCode.Usage);
        }
        catch (OutOfMemoryException)
        {
            return Report(error, "the rows do not fit in memory", ExitCode.Failed);
        }
        catch (Exception e)
        {
            // A defect. Its message was not written with rows in mind, so only its kind and place are shown.
            error.WriteLine($"dpattn: internal error, please report it: {e.GetType()}");
            error.WriteLine(e.StackTrace);
            return ExitCode.Failed;
        }
    }

    private static int Report(TextWriter error, string message, int code)
    {
        error.WriteLine($"dpattn: {FaultText.Line(message)}");
        return code;
    }
}
