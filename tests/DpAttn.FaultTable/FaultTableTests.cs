namespace DpAttn.FaultTable;

public class FaultTableTests
{
    // How the tests of planted faults are called. What is "found" elsewhere is found in data, not in code.
    private static readonly string[] Endings = ["_is_caught", "_are_caught", "_is_refuted", "_are_refuted", "_is_found_out"];

    public static TheoryData<string> Faults => [.. FaultCatalogue.All.Select(fault => fault.Name)];

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_fault_is_caught_by_at_least_one_test_and_each_has_a_companion_that_passes_without_it(string name)
    {
        var fault = FaultCatalogue.All.Single(fault => fault.Name == name);
        Assert.NotEmpty(fault.Catches);
        foreach (var (test, companion) in fault.Catches)
        {
            Assert.NotEmpty(TestIndex.ProjectsOf(test));
            Assert.NotEmpty(TestIndex.ProjectsOf(companion));
            // A companion elsewhere could be another check.
            Assert.NotEmpty(TestIndex.ProjectsOf(test).Intersect(TestIndex.ProjectsOf(companion)));
        }
        Assert.Contains(fault.Catches, one => !TestIndex.IsLong(one.Test) && !TestIndex.IsLong(one.Companion));
    }

    [Fact]
    public void Every_test_that_is_named_for_a_fault_is_in_the_table()
    {
        var known = FaultCatalogue.All.SelectMany(fault => fault.Catches).Select(one => one.Test).ToHashSet();
        var named = TestIndex.Names.Where(test => Endings.Any(ending => test.EndsWith(ending, StringComparison.Ordinal)));
        Assert.Equal([], named.Except(known));
    }

    [Fact]
    public void The_table_names_every_fault_and_nothing_is_missing()
    {
        using var output = new StringWriter();
        Assert.Equal(0, Table.Write(output));
        foreach (var fault in FaultCatalogue.All)
            Assert.Contains($"  {fault.Name}\n", output.ToString().ReplaceLineEndings("\n"));
        Assert.Matches(@"\d+ faults, \d+ catches by \d+ tests, 0 missing", output.ToString());
    }

    [Fact]
    public void A_name_that_no_test_has_is_noticed()
    {
        Assert.Empty(TestIndex.ProjectsOf("PlantedFaultTests.No_such_test"));
        Assert.Equal(["DpAttn.Attention.Tests"], TestIndex.ProjectsOf("PlantedFaultTests.Rounding_after_the_sum_is_caught"));
    }
}
