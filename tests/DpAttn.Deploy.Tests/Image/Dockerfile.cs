using System.Text.RegularExpressions;
using DpAttn.Deploy.Tests.Support;

namespace DpAttn.Deploy.Tests.Image;

/// <summary>The repository's Dockerfile, with the defaults of its arguments filled in.</summary>
internal sealed partial record Dockerfile(IReadOnlyList<Stage> Stages)
{
    public Stage Final => Stages[^1];

    public static string FilePath { get; } = Repository.In("Dockerfile");

    public static Dockerfile Read()
    {
        var text = Regex.Replace(string.Join('\n', File.ReadAllLines(FilePath).Where(line => !line.StartsWith('#'))), @"\\\n", " ");
        var arguments = new Dictionary<string, string> { ["BUILDPLATFORM"] = "linux/amd64" };
        var stages = new List<(string Name, string Base, List<Instruction> Instructions)>();
        foreach (var line in text.Split('\n').Where(line => line.Trim().Length > 0))
        {
            var (name, rest) = (line[..line.IndexOf(' ')], line[(line.IndexOf(' ') + 1)..].Trim());
            if (name == "ARG")
            {
                var pair = rest.Split('=', 2);
                arguments[pair[0]] = pair.Length > 1 ? pair[1] : arguments[pair[0]];
                continue;
            }
            rest = Argument().Replace(rest, match => arguments.TryGetValue(match.Groups[1].Value, out var value) ? value : throw new InvalidOperationException($"{match.Value} is no argument"));
            if (name == "FROM")
            {
                var words = new Instruction(name, rest).Words;
                stages.Add((words[2], words[0], []));
            }
            else
            {
                stages[^1].Instructions.Add(new Instruction(name, rest));
            }
        }
        return new Dockerfile([.. stages.Select(one => new Stage(one.Name, one.Base, one.Instructions))]);
    }

    [GeneratedRegex(@"\$\{?([A-Z_]+)\}?")]
    private static partial Regex Argument();
}
