using System.Globalization;
using System.Text.RegularExpressions;

namespace DpAttn.Privacy.Tests;

/// <summary>One row of ../shared/reference/privacy_figures.csv.</summary>
internal sealed partial record PrivacyFigure(string Quantity, string Inputs, string Expected, string Tolerance)
{
    /// <summary>The expected number, without what is said beside it.</summary>
    public double Number => Evaluate(Expected.Split(' ')[0]);

    public static PrivacyFigure Parse(string line)
    {
        var fields = Fields().Matches(line).Select(match => match.Groups["quoted"].Success ? match.Groups["quoted"].Value : match.Groups["plain"].Value).ToArray();
        return fields.Length == 5 ? new(fields[0], fields[1], fields[2], fields[3]) : throw new FormatException($"not a row of five fields: {line}");
    }

    /// <summary>A number among the inputs, by the first of several names that is there.</summary>
    public double Input(params string[] names)
    {
        foreach (var name in names)
        {
            if (Regex.Match(Inputs, $@"(?<![A-Za-z0-9_]){Regex.Escape(name)}=(?<value>smallest double|[0-9.]*\*?ln\([0-9]+\)|-?[0-9.]+(e-?[0-9]+)?)") is { Success: true } match)
                return Evaluate(match.Groups["value"].Value);
        }
        throw new FormatException($"no {string.Join(" or ", names)} in {Inputs}");
    }

    /// <summary>A text among the inputs, exactly as written.</summary>
    public Exact ExactInput(string name) => Exact.Parse(Regex.Match(Inputs, $@"(?<![A-Za-z0-9_]){name}=([0-9.]+)").Groups[1].Value);

    public bool States(string name) => Inputs.Contains(name, StringComparison.Ordinal);

    /// <summary>Whether a number agrees with the expected one to the row's tolerance, relative or absolute, and to the digits that are printed.</summary>
    public bool Agrees(double actual)
    {
        var bound = double.Parse(Regex.Match(Tolerance, @"[0-9.]+(e-?[0-9]+)?").Value, CultureInfo.InvariantCulture);
        return Math.Abs(actual - Number) <= (Tolerance.StartsWith("rel", StringComparison.Ordinal) ? bound * Math.Abs(Number) : bound);
    }

    public override string ToString() => $"{Quantity} at {Inputs}: expected {Expected}, tolerance {Tolerance}";

    private static double Evaluate(string text)
    {
        if (text == "smallest double")
            return double.Epsilon;
        if (Regex.Match(text, @"^(?<factor>[0-9.]+)?\*?ln\((?<of>[0-9]+)\)$") is { Success: true } match)
        {
            var factor = match.Groups["factor"] is { Success: true } stated ? double.Parse(stated.Value, CultureInfo.InvariantCulture) : 1;
            return factor * Math.Log(double.Parse(match.Groups["of"].Value, CultureInfo.InvariantCulture));
        }
        return double.Parse(text, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex("""(?:^|,)(?:"(?<quoted>[^"]*)"|(?<plain>[^,]*))""")]
    private static partial Regex Fields();
}
