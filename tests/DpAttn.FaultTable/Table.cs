namespace DpAttn.FaultTable;

/// <summary>The table fault x test.</summary>
public static class Table
{
    /// <summary>Prints the table.</summary>
    /// <returns>0, or 1 where a fault has no test or a named test does not exist.</returns>
    public static int Write(TextWriter output)
    {
        var missing = 0;
        foreach (var area in FaultCatalogue.All.GroupBy(fault => fault.Area))
        {
            output.WriteLine(area.Key);
            foreach (var fault in area)
            {
                output.WriteLine($"  {fault.Name}");
                missing += fault.Catches.Count == 0 ? 1 : 0;
                foreach (var (test, companion) in fault.Catches)
                {
                    output.WriteLine($"    caught by  {Described(test, ref missing)}");
                    output.WriteLine($"      passes   {(companion == test ? "the same test, without the fault" : Described(companion, ref missing))}");
                }
            }
            output.WriteLine();
        }
        var catches = FaultCatalogue.All.Sum(fault => fault.Catches.Count);
        output.WriteLine($"{FaultCatalogue.All.Count} faults, {catches} catches by {FaultCatalogue.All.SelectMany(fault => fault.Catches).Select(one => one.Test).Distinct().Count()} tests, {missing} missing");
        return missing == 0 ? 0 : 1;
    }

    private static string Described(string test, ref int missing)
    {
        var projects = TestIndex.ProjectsOf(test);
        missing += projects.Count == 0 ? 1 : 0;
        return $"{test}  ({(projects.Count == 0 ? "NO SUCH TEST" : string.Join(", ", projects))})";
    }
}
