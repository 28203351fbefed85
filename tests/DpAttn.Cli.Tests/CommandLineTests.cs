namespace DpAttn.Cli.Tests;

public class CommandLineTests
{
    [Fact]
    public void Help_lists_the_commands()
    {
        var help = Dpattn.Run("--help");
        Assert.Equal(ExitCode.Done, help.ExitCode);
        foreach (var command in new[] { "demo", "estimate", "calc", "audit", "bench" })
            Assert.Matches($@"(?m)^  {command} ", help.Output);
    }

    [Theory]
    [InlineData("demo", "--keys --values --queries --labels --epsilon --delta --scale --degree --key-radius --key-box --query-radius --query-box --value-radius --adjacency --repeat --clip --limit --output")]
    [InlineData("estimate", "--rows --key-dimension --value-dimension --epsilon --error --delta --key-radius --key-box --value-radius --adjacency --output")]
    [InlineData("bench accuracy", "--keys --values --queries --workload --rows --key-dimension --epsilon --value-dimension --query-count --draws --delta --alpha --grid-cells --copies --seed --threads --quick --plot --key-radius --value-radius --adjacency --output")]
    [InlineData("audit", "--mechanism --epsilon --delta --key-dimension --value-dimension --alpha --grid-cells --copies --query-count --share --runs --seed --threads --quick --key-radius --key-box --query-radius --query-box --value-radius --scale --degree --adjacency --output")]
    [InlineData("calc", "--epsilon --delta --mu --sigma --sensitivity --compose --output")]
    public void Help_of_a_command_lists_its_flags(string command, string flags)
    {
        var help = Dpattn.Run([.. command.Split(' '), "--help"]);
        Assert.Equal(ExitCode.Done, help.ExitCode);
        Assert.All(flags.Split(' '), flag => Assert.Matches($"(?m)^  {flag} ", help.Output));
    }

    [Theory]
    [InlineData("Required command was not provided")]
    [InlineData("Unrecognized command or argument 'frobnicate'", "frobnicate")]
    [InlineData("Unrecognized command or argument '--frobnicate'", "calc", "--frobnicate")]
    public void What_is_not_understood_is_named_and_help_is_offered(string message, params string[] args) =>
        Dpattn.Run(args).IsRefused(ExitCode.Usage, message, "--help'");

    [Fact]
    public void The_version_is_that_of_the_product() => Assert.Matches(@"^\d+\.\d+\.\d+", Dpattn.Run("--version").Output);
}
