using System.CommandLine;

namespace DpAttn.Cli.Commands;

/// <summary>Flags that take one of a few words; the first is the default.</summary>
internal static class ChoiceOption
{
    public static Option<string> Create(string name, string description, params string[] words)
    {
        var option = new Option<string>(name)
        {
            Description = description,
            HelpName = string.Join('|', words),
            DefaultValueFactory = _ => words[0],
        };
        option.CompletionSources.Add(words);
        option.Validators.Add(result =>
        {
            if (result.Tokens.FirstOrDefault(token => !words.Contains(token.Value)) is { } other)
                result.AddError($"{name} takes {string.Join(" or ", words)}, not '{other.Value}'");
        });
        return option;
    }
}
