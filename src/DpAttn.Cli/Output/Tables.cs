using Spectre.Console;

namespace DpAttn.Cli.Output;

/// <summary>Tables in plain characters: no colour, no folding in a pipe, no blanks at the ends of lines.</summary>
internal static class Tables
{
    // A pipe has no width.
    private const int WidthOfPipe = 160;

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

    /// <summary>A table of numbers, right-aligned; a first column without a name holds words.</summary>
    public static Table Grid(params string[] columns)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (var column in columns)
        {
            var added = new TableColumn(Markup.Escape(column));
            table.AddColumn(column.Length == 0 ? added : added.RightAligned());
        }
        return table;
    }

    /// <summary>Writes a heading and a table under it.</summary>
    public static void Write(TextWriter writer, string heading, Table table)
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = ReferenceEquals(writer, Console.Out) && !Console.IsOutputRedirected ? Math.Max(Console.WindowWidth, 40) : WidthOfPipe;
        console.Write(table);
        writer.WriteLine(heading);
        // The border's empty first and last line are left out.
        var lines = text.ToString().Split('\n').Select(line => line.TrimEnd()).SkipWhile(line => line.Length == 0).ToList();
        foreach (var line in lines[..(lines.FindLastIndex(line => line.Length > 0) + 1)])
            writer.WriteLine(line);
    }
}
