using System.Globalization;
using System.Text.RegularExpressions;

namespace DpAttn.Cli.Tests;

/// <summary>What the READMEs show is what the program does.</summary>
public partial class ReadmeTests
{
    private const string FromSource = "dotnet run --project src/DpAttn.Cli -c Release -- ";

    [Theory]
    [InlineData("README.md", 1)]
    [InlineData("src/DpAttn.Cli/README.md", 11)]
    public void Every_command_prints_what_stands_under_it(string readme, int commands)
    {
        var shown = Shown().Matches(File.ReadAllText(Path.Combine(Checkout.Root, readme)))
            .Where(block => Arguments(block) is not null)
            .ToArray();
        Assert.Equal(commands, shown.Length);
        foreach (var block in shown)
        {
            var printed = Dpattn.Run(Arguments(block)!);
            Assert.Equal(Comparable(block.Groups["output"].Value), Comparable(printed.Output + printed.Error));
        }
    }

    /// <summary>Examples on files that the reader brings are understood up to the files.</summary>
    [Fact]
    public void Every_example_on_own_files_is_understood()
    {
        var examples = Lone().Matches(File.ReadAllText(Path.Combine(Checkout.Root, "src/DpAttn.Cli/README.md"))).Where(block => Arguments(block) is not null).ToArray();
        Assert.NotEmpty(examples);
        Assert.All(examples, block => Dpattn.Run(Arguments(block)!).IsRefused(ExitCode.Failed, "Could not find file", "K.npy"));
    }

    private static string[]? Arguments(Match block)
    {
        var command = block.Groups["command"].Value.Replace(FromSource, "dpattn ", StringComparison.Ordinal).Split(' ');
        return command[0] == "dpattn" ? command[1..] : null;
    }

    /// <summary>Without the numbers of lines that noise and clocks write, and the others to six digits: the last ones are the platform's.</summary>
    private static string Comparable(string output) => string.Join('\n', output.Trim().Split('\n').Select(line =>
        Number().Replace(line.TrimEnd(), number => Fresh().IsMatch(line) ? "#" : double.Parse(number.Value, CultureInfo.InvariantCulture).ToString("G6", CultureInfo.InvariantCulture))));

    [GeneratedRegex(@"```sh\n(?<command>[^\n]*)\n```\n\n```text\n(?<output>.*?)\n```", RegexOptions.Singleline)]
    private static partial Regex Shown();

    [GeneratedRegex(@"```sh\n(?<command>[^\n]*)\n```\n\n(?!```text)")]
    private static partial Regex Lone();

    [GeneratedRegex(@"(?<![A-Za-z0-9])\d+(\.\d+)?(e-?\d+)?")]
    private static partial Regex Number();

    [GeneratedRegex("published in|error \\(private|noise alone|intervals that cover|indistinguishable from|classes found|median query|\"(rmse|predicted|interval95|indistinguishable|top1Private|.*MicrosMedian|publishSeconds)")]
    private static partial Regex Fresh();
}
