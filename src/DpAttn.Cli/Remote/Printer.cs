using System.CommandLine;
using System.Text.Json;
using DpAttn.Cli.Output;
using Spectre.Console;

namespace DpAttn.Cli.Remote;

/// <summary>--output, and printing by it.</summary>
internal sealed class Printer(TextWriter output)
{
    private readonly Option<OutputFormat> _format = OutputOption.Create();

    public void AddTo(Command command) => command.Options.Add(_format);

    /// <summary>Prints a value as JSON, or what <paramref name="tables"/> makes of it.</summary>
    public void Print<T>(ParseResult parsed, T value, Func<T, IEnumerable<(string Heading, Table Table)>> tables)
    {
        if (parsed.GetValue(_format) == OutputFormat.Json)
        {
            output.WriteLine(JsonSerializer.Serialize(value, Numbers.Json));
            return;
        }
        var console = Tables.ConsoleFor(output);
        foreach (var (heading, table) in tables(value))
            console.Write(heading, table);
    }
}
