using System.CommandLine;
using DpAttn.Cli.Auditing;
using DpAttn.Cli.Output;

namespace DpAttn.Cli.Commands;

/// <summary>dpattn audit: tries to break the guarantee, and says how near it came.</summary>
internal static class AuditCommand
{
    public static Command Create(TextWriter output, TextWriter error)
    {
        var options = new AuditOptions();
        var format = new OutputOption();
        var command = new Command("audit", "Attack the mechanisms on their worst neighbours and bound what they give away");
        options.AddTo(command);
        format.AddTo(command);
        command.SetAction(parsed =>
        {
            var suite = options.Read(parsed);
            AuditReport.Write(output, new ProgressBars(error).Run("attacking", suite.TotalRuns, progress => suite.Run(progress).ToList()), format.Read(parsed));
            return ExitCode.Done;
        });
        return command;
    }
}
