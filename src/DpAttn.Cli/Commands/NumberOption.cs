using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace DpAttn.Cli.Commands;

/// <summary>Flags that take numbers, with messages for people who type something else.</summary>
internal static class NumberOption
{
    /// <summary>A number that has a default.</summary>
    public static Option<T> WithDefault<T>(string name, string description, T value)
        where T : struct, INumber<T> => new(name)
        {
            Description = description,
            HelpName = Word<T>(),
            CustomParser = result => ParseOnly<T>(name, result) ?? default,
            DefaultValueFactory = _ => value,
        };

    /// <summary>A number that must be stated.</summary>
    public static Option<T> Required<T>(string name, string description)
        where T : struct, INumber<T> => new(name)
        {
            Description = description,
            HelpName = Word<T>(),
            Required = true,
            CustomParser = result => ParseOnly<T>(name, result) ?? default,
        };

    /// <summary>A number that may be left out.</summary>
    public static Option<double?> Optional(string name, string description) => new(name)
    {
        Description = description,
        HelpName = Word<double>(),
        CustomParser = result => ParseOnly<double>(name, result),
    };

    /// <summary>Several numbers: side by side, with commas, or with the flag repeated.</summary>
    public static Option<double[]> Several(string name, string description) => Several<double>(name, description);

    /// <summary>The same for any kind of number.</summary>
    public static Option<T[]> Several<T>(string name, string description)
        where T : struct, INumber<T> => new(name)
        {
            Description = description,
            HelpName = "numbers",
            Arity = ArgumentArity.OneOrMore,
            AllowMultipleArgumentsPerToken = true,
            CustomParser = result =>
            {
                var numbers = new List<T>();
                foreach (var part in result.Tokens.SelectMany(token => token.Value.Split(',')))
                {
                    if (Parse<T>(name, part, result) is not { } number)
                        return [];
                    numbers.Add(number);
                }
                return [.. numbers];
            },
        };

    /// <summary>Refuses a count below 1.</summary>
    /// <exception cref="ArgumentException">It is below 1.</exception>
    public static void RequireAtLeastOne(this ParseResult parsed, params Option<int>[] counts)
    {
        foreach (var count in counts)
        {
            if (parsed.GetValue(count) < 1)
                throw new ArgumentException($"{count.Name} must be at least 1, not {parsed.GetValue(count)}");
        }
    }

    private static T? ParseOnly<T>(string name, ArgumentResult result)
        where T : struct, INumber<T> => Parse<T>(name, result.Tokens[0].Value, result);

    private static T? Parse<T>(string name, string text, ArgumentResult result)
        where T : struct, INumber<T>
    {
        if (T.TryParse(text, IsWhole<T>() ? NumberStyles.AllowLeadingSign : NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
            return number;
        result.AddError($"{name} takes {(IsWhole<T>() ? $"a whole number of at most {Largest<T>()}" : "a number")}, not '{text}'");
        return null;
    }

    private static string Word<T>() => IsWhole<T>() ? "n" : "number";

    private static long Largest<T>() => typeof(T) == typeof(int) ? int.MaxValue : long.MaxValue;

    private static bool IsWhole<T>() => typeof(T) != typeof(double);
}
