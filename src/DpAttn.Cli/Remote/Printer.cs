using System.CommandLine;
using System.Text.Json;
using DpAttn.Cli.Commands;
using DpAttn.Cli.Output;
using Spectre.Console;

namespace DpAttn.Cli.Remote;

/// <summary>--output, and printing by it.</summary>
internal sealed class Printer(TextWriter output)
{
    private readonly OutputOption _format = new();

    public void AddTo(Command command) => _format.AddTo(command);

    /// <summary>Prints a value as JSON, or what <paramref name="tables"/> makes of it.</summary>
    public void Print<T>(ParseResult parsed, T value, Func<T, IEnumerable<(string Heading, Table Table)>> tables)
    {
        if (_format.Read(parsed) == OutputFormat.Json)
        {
            output.WriteLine(JsonSerializer.Serialize(value, Numbers.Json));
            return;
        }
        foreach (var (heading, table) in tables(value))
            Tables.Write(output, heading, table);
    }
}
