using Spectre.Console;

namespace DpAttn.Cli.Output;

/// <summary>Plain tables on a writer, with colour only where the writer is a terminal and NO_COLOR is unset.</summary>
internal static class Tables
{
    public static IAnsiConsole ConsoleFor(TextWriter writer)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) });
        // A pipe has no width: tables must not be folded to 80 columns there.
        if (!console.Profile.Out.IsTerminal)
            console.Profile.Width = 160;
        return console;
    }

    /// <summary>Two columns, without a header.</summary>
    public static Table Pairs(params (string Name, string Value)[] rows)
    {
        var table = new Table { Border = TableBorder.Simple, ShowHeaders = false };
        table.AddColumn("name");
        table.AddColumn("value");
        foreach (var (name, value) in rows)
            table.AddRow(Markup.Escape(name), Markup.Escape(value));
        return table;
    }

    /// <summary>A table with right-aligned numbers.</summary>
    public static Table Grid(params string[] columns)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (var column in columns)
            table.AddColumn(new TableColumn(Markup.Escape(column)).RightAligned());
        return table;
    }

    /// <summary>Writes a heading and a table under it.</summary>
    public static void Write(this IAnsiConsole console, string heading, Table table)
    {
        console.WriteLine(heading);
        console.Write(table);
    }
}
