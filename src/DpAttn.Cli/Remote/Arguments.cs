using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace DpAttn.Cli.Remote;

/// <summary>Arguments and flags that several verbs share.</summary>
internal static class Arguments
{
    public static Argument<string> Store() => new("store") { Description = "the store's name" };

    /// <summary>A flag of one number.</summary>
    public static Option<double?> Number(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "number",
        CustomParser = result => Parse(name, result.Tokens[0].Value, result),
    };

    /// <summary>A flag of numbers separated by commas.</summary>
    public static Option<double[]?> NumberList(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "numbers",
        CustomParser = result =>
        {
            var numbers = new List<double>();
            foreach (var part in result.Tokens.SelectMany(token => token.Value.Split(',')))
            {
                if (Parse(name, part, result) is not { } number)
                    return null;
                numbers.Add(number);
            }
            return [.. numbers];
        },
    };

    /// <summary>The numbers of a flag, or null when it is not stated: the parser makes an empty list of that.</summary>
    public static double[]? GetNumbers(this ParseResult parsed, Option<double[]?> option) => parsed.GetValue(option) is { Length: > 0 } numbers ? numbers : null;

    /// <summary>A flag of one whole number.</summary>
    public static Option<long?> Whole(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "n",
        CustomParser = result =>
        {
            if (long.TryParse(result.Tokens[0].Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
                return number;
            result.AddError($"{name} takes a whole number, not '{result.Tokens[0].Value}'");
            return null;
        },
    };

    /// <summary>The value of a flag that must be stated.</summary>
    public static T Require<T>(this ParseResult parsed, Option<T?> option)
        where T : struct =>
        parsed.GetValue(option) ?? throw new ArgumentException($"state {option.Name}: {option.Description}");

    /// <summary>A whole number of 32 bits that must be stated.</summary>
    public static int RequireInt(this ParseResult parsed, Option<long?> option) => ToInt(option, parsed.Require(option));

    /// <summary>A whole number of 32 bits, or null.</summary>
    public static int? GetInt(this ParseResult parsed, Option<long?> option) => parsed.GetValue(option) is { } number ? ToInt(option, number) : null;

    private static int ToInt(Option option, long number) =>
        number is >= int.MinValue and <= int.MaxValue ? (int)number : throw new ArgumentException($"{option.Name} lies outside 32 bits");

    private static double? Parse(string name, string text, SymbolResult result)
    {
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number))
            return number;
        result.AddError($"{name} takes finite numbers, not '{text}'");
        return null;
    }
}
