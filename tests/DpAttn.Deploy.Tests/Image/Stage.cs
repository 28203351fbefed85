using System.Text.RegularExpressions;

namespace DpAttn.Deploy.Tests.Image;

/// <summary>What stands between two FROM.</summary>
internal sealed partial record Stage(string Name, string Base, IReadOnlyList<Instruction> Instructions)
{
    public IEnumerable<Instruction> All(string name) => Instructions.Where(one => one.Name == name);

    /// <summary>The variables that it states.</summary>
    public IReadOnlyDictionary<string, string> Environment => All("ENV").SelectMany(one => Pair().Matches(one.Arguments)).ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value.Trim('"'));

    public IReadOnlyDictionary<string, string> Labels => All("LABEL").SelectMany(one => Pair().Matches(one.Arguments)).ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value.Trim('"'));

    [GeneratedRegex("""([^\s=]+)=("[^"]*"|\S+)""")]
    private static partial Regex Pair();
}
