using System.Text.RegularExpressions;

namespace DpAttn.FaultTable;

/// <summary>The table of known failures in the README of DpAttn.Auditing names tests that exist.</summary>
public partial class ReadmeTableTests
{
    /// <summary>Each known way in which such systems have failed, by a word of its row.</summary>
    public static TheoryData<string> Failures =>
    [
        "Mironov", "Precision", "Re-ordering", "clamped copy", "NaN", "normaliser", "Sensitivity zero", "Weak or reused generators", "Redraw on retry", "Check-then-act", "Budget reset", "Float drift",
        "PLD", "Adjacency mismatch", "many rows or accounts", "side channels", "library bug", "wrong for one mechanism",
    ];

    [Theory]
    [MemberData(nameof(Failures))]
    public void A_known_failure_has_a_row_with_what_is_done_and_tests_that_exist(string failure)
    {
        var row = Assert.Single(Rows(), row => row[0].Contains(failure, StringComparison.Ordinal));
        Assert.NotEmpty(row[1]);
        Assert.NotEmpty(TestName().Matches(row[2]));
    }

    [Fact]
    public void Every_test_that_the_readme_names_exists()
    {
        var names = TestName().Matches(Readme()).Select(match => match.Groups["test"].Value).ToArray();
        Assert.True(names.Length > 20);
        Assert.All(names, name => Assert.NotEmpty(TestIndex.ProjectsOf(name)));
    }

    private static IEnumerable<string[]> Rows() => Readme().Split('\n')
        .SkipWhile(line => !line.StartsWith("| failure ", StringComparison.Ordinal)).Skip(2)
        .TakeWhile(line => line.StartsWith('|'))
        .Select(line => line.Trim().Trim('|').Split('|').Select(cell => cell.Trim()).ToArray());

    private static string Readme()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "DpAttnCluster.sln")))
            directory = directory.Parent;
        return File.ReadAllText(Path.Combine(directory!.FullName, "src", "DpAttn.Auditing", "README.md"));
    }

    [GeneratedRegex(@"`(?<test>[A-Z]\w+\.[A-Z]\w*_\w+)`")]
    private static partial Regex TestName();
}
