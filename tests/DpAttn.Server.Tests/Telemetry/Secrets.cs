using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace DpAttn.Server.Tests.Telemetry;

/// <summary>What must leave by no exporter.</summary>
internal static partial class Secrets
{
    public const string Owner = "planted-owner@example.org";
    public const string User = "planted-user@example.org";
    public const string Password = "planted-password-7f3a";
    public const string Text = "planted-text-51c0";
    public const string Store = "planted-store-name";
    public const string Batch = "planted-batch";
    public const string Request = "planted-request";
    public const string OtherKey = "dpattn_0123456789abcdef_plantedplantedplantedplantedplantedplanted0";

    /// <summary>A coordinate of a row, of a value and of a query; exact as float32, so that it is found in either width.</summary>
    public const double RowNumber = 0.37640380859375;
    public const double ValueNumber = 0.61749267578125;
    public const double QueryNumber = 0.28948974609375;

    /// <summary>Slots of the add-remove store, which are public.</summary>
    public const int Slots = 10_007;

    /// <summary>Its rows, which are not: a prime, and no multiple of anything that is counted or allocated.</summary>
    public const int Rows = 9_973;

    public static double[] Numbers { get; } = [RowNumber, ValueNumber, QueryNumber, Rows];

    /// <summary>Everything as text; what the cluster made is added.</summary>
    public static string[] Texts(params string[] made) =>
    [
        Owner, User, Password, Text, Store, Batch, Request, OtherKey, .. made, .. Numbers.Where(number => number != Rows).Select(number => number.ToString("R", CultureInfo.InvariantCulture)),
    ];

    /// <summary>What of it stands in what was exported.</summary>
    public static List<string> FindIn(IEnumerable<(string Path, byte[] Body)> exported, params string[] made)
    {
        var found = new List<string>();
        foreach (var (path, body) in exported)
        {
            var text = Encoding.UTF8.GetString(body);
            found.AddRange(Texts(made).Where(secret => text.Contains(secret, StringComparison.OrdinalIgnoreCase)).Select(secret => $"{path}: {secret}"));
            if (RowsAlone().IsMatch(text))
                found.Add($"{path}: {Rows}");
            found.AddRange(Proto.Numbers(body).Where(number => Numbers.Contains(number) || Numbers.Contains(-number)).Select(number => $"{path}: the number {number:R}"));
        }
        return found;
    }

    // Four digits stand in one of some hundred random trace ids by chance.
    [GeneratedRegex("(?<![0-9A-Za-z])9973(?![0-9A-Za-z])")]
    private static partial Regex RowsAlone();
}
