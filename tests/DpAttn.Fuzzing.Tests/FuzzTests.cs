namespace DpAttn.Fuzzing.Tests;

/// <summary>
/// Whatever bytes come, they are read or refused as documented: no other exception, no hang, no allocation beyond the target's cap. The cases are functions of
/// their numbers; a failure names the case, and the README says how to read it again.
/// </summary>
// One target at a time: of some the allocations are counted over the whole process.
[Collection(nameof(FuzzTests))]
public class FuzzTests(ITestOutputHelper output)
{
    private const long ShortCases = 100_000;
    private const long LongCases = 2_500_000;

    public static TheoryData<string> Targets => new(FuzzTargets.Names);

    [Theory]
    [MemberData(nameof(Targets))]
    public void Bytes_from_outside_are_read_or_refused(string target) => Read(target, FuzzTargets.Cases(target, ShortCases));

    [Theory]
    [Trait("Suite", "Long")]
    [MemberData(nameof(Targets))]
    public void Bytes_from_outside_are_read_or_refused_in_a_million_cases(string target) => Read(target, FuzzTargets.Cases(target, LongCases));

    [Fact]
    public void The_long_form_has_a_million_cases_and_more() =>
        Assert.InRange(FuzzTargets.Names.Sum(name => FuzzTargets.Cases(name, LongCases)), 1_000_000, 10_000_000);

    /// <summary>Reads the case that a failure named, so that it can be looked at in a debugger.</summary>
    [Fact]
    public void A_case_that_was_named_is_read_again()
    {
        var stated = Environment.GetEnvironmentVariable(FuzzDriver.ReplayVariable);
        Assert.SkipWhen(stated is null, $"{FuzzDriver.ReplayVariable} names no case");
        var parts = stated!.Split(':');
        output.WriteLine(FuzzDriver.Read(FuzzTargets.Of(parts[0]), 1, FuzzDriver.Run, first: long.Parse(parts[1])).ToString());
    }

    private void Read(string name, long cases)
    {
        var target = FuzzTargets.Of(name);
        var report = FuzzDriver.Read(target, cases, FuzzDriver.Run);
        output.WriteLine(report.ToString());
        // Fuzzing that gets nowhere, or damages nothing, would pass too. The first case is a seed as it is; the second one is cut in half.
        Assert.True(report.Taken > 0, "nothing was taken");
        Assert.True(report.Refused > 0, "nothing was refused");
    }
}
