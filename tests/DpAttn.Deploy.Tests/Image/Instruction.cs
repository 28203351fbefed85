using System.Text.Json;

namespace DpAttn.Deploy.Tests.Image;

/// <summary>An instruction of a Dockerfile, its lines joined.</summary>
internal sealed record Instruction(string Name, string Arguments)
{
    /// <summary>The words of a copy, without its options: sources, and last where to.</summary>
    public string[] Words => [.. Arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(word => !word.StartsWith("--", StringComparison.Ordinal))];

    /// <summary>An option's value, such as of <c>--from=</c>.</summary>
    public string? Option(string name) =>
        Arguments.Split(' ').FirstOrDefault(word => word.StartsWith($"--{name}=", StringComparison.Ordinal))?[(name.Length + 3)..];

    /// <summary>The words of a command in its exec form.</summary>
    public string[] Exec => JsonSerializer.Deserialize<string[]>(Arguments[Arguments.IndexOf('[')..])!;
}
