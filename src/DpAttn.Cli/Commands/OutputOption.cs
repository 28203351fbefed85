using System.CommandLine;
using DpAttn.Cli.Output;

namespace DpAttn.Cli.Commands;

/// <summary>The flag that every command has.</summary>
internal sealed class OutputOption
{
    private readonly Option<string> _option = ChoiceOption.Create("--output", "how to print the result", "table", "json");

    public void AddTo(Command command) => command.Options.Add(_option);

    public OutputFormat Read(ParseResult parsed) => parsed.GetValue(_option) == "json" ? OutputFormat.Json : OutputFormat.Table;
}
