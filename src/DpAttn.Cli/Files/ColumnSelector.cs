using System.Globalization;

namespace DpAttn.Cli.Files;

/// <summary>
/// Which columns of a table hold the keys, or the values: names, numbers from 0, ranges of numbers (0-63) or of names (k0..k63), and the
/// beginnings of names (k*), separated by commas. A name in the file goes before any other reading of the same text.
/// </summary>
internal sealed class ColumnSelector(string option, string text)
{
    public string Option => option;

    public string Text => text;

    /// <summary>The columns' numbers, in the order stated.</summary>
    /// <param name="file">What messages call the file.</param>
    /// <param name="names">The columns' names, or null when it has none.</param>
    /// <param name="count">How many columns there are.</param>
    /// <exception cref="RowFileException">A column that is not there, stands twice, or is ambiguous.</exception>
    public int[] Resolve(string file, IReadOnlyList<string>? names, int count)
    {
        var columns = new List<int>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            foreach (var column in ResolvePart(file, part, names, count))
            {
                if (columns.Contains(column))
                    throw new RowFileException(file, $"{option} names column {column} twice");
                columns.Add(column);
            }
        }
        return [.. columns];
    }

    private IEnumerable<int> ResolvePart(string file, string part, IReadOnlyList<string>? names, int count)
    {
        if (part.Length == 0)
            throw new ArgumentException($"{option} has an empty name between commas");
        if (names is not null && Find(file, names, part) is { } named)
            return [named];
        if (TryNumber(part, out var number))
            return [Require(file, part, number, count)];
        if (part.Split('-') is [var low, var high] && TryNumber(low, out var first) && TryNumber(high, out var last))
            return Range(part, Require(file, part, first, count), Require(file, part, last, count));
        if (names is not null && part.Split("..") is [{ Length: > 0 } from, { Length: > 0 } to] && Find(file, names, from) is { } start && Find(file, names, to) is { } end)
            return Range(part, start, end);
        if (names is not null && part.EndsWith('*') && names.Index().Where(name => name.Item.StartsWith(part[..^1], StringComparison.Ordinal)).Select(name => name.Index).ToArray() is { Length: > 0 } found)
            return found;
        throw new RowFileException(file, names is null
            ? $"{option}: '{part}' is no column number; the file has no names, and its columns are 0 to {count - 1}"
            : $"{option}: there is no column '{part}' among the {count}");
    }

    private int? Find(string file, IReadOnlyList<string> names, string name)
    {
        int? found = null;
        for (var i = 0; i < names.Count; i++)
        {
            if (!string.Equals(names[i], name, StringComparison.Ordinal))
                continue;
            if (found is not null)
                throw new RowFileException(file, $"{option}: columns {found} and {i} are both called '{name}'; state their numbers");
            found = i;
        }
        return found;
    }

    private int Require(string file, string part, int column, int count) =>
        column < count ? column : throw new RowFileException(file, $"{option}: '{part}' lies outside the file's columns, 0 to {count - 1}");

    private IEnumerable<int> Range(string part, int first, int last) =>
        first <= last ? Enumerable.Range(first, last - first + 1) : throw new ArgumentException($"{option}: the range '{part}' ends before it begins");

    private static bool TryNumber(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
