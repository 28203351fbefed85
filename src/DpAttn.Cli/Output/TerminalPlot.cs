using System.Text;

namespace DpAttn.Cli.Output;

/// <summary>A small log-log plot in characters.</summary>
internal static class TerminalPlot
{
    public const int Width = 64;
    private const int Height = 14;

    /// <summary>Draws curves of positive numbers, each with its mark.</summary>
    public static string Draw(string xName, string yName, params (char Mark, string Name, IReadOnlyList<(double X, double Y)> Points)[] curves) => Draw(xName, yName, apart: false, curves);

    /// <summary>The same; marks that are to stand apart and meet in one place move beside each other instead of hiding one.</summary>
    public static string Draw(string xName, string yName, bool apart, params (char Mark, string Name, IReadOnlyList<(double X, double Y)> Points)[] curves)
    {
        var points = curves.SelectMany(curve => curve.Points).Where(p => p.X > 0 && p.Y > 0 && double.IsFinite(p.Y)).ToArray();
        if (points.Length == 0)
            return "";
        double left = Math.Log(points.Min(p => p.X)), right = Math.Log(points.Max(p => p.X));
        double bottom = Math.Log(points.Min(p => p.Y)), top = Math.Log(points.Max(p => p.Y));
        var cells = new char[Height, Width];
        foreach (var (mark, _, curve) in curves)
        {
            foreach (var (x, y) in curve.Where(p => p.X > 0 && p.Y > 0 && double.IsFinite(p.Y)))
            {
                var column = right > left ? (int)Math.Round((Math.Log(x) - left) / (right - left) * (Width - 1)) : 0;
                var row = top > bottom ? (int)Math.Round((top - Math.Log(y)) / (top - bottom) * (Height - 1)) : 0;
                var aside = column > Width / 2 ? -1 : 1;
                while (apart && cells[row, column] != '\0' && column + aside is >= 0 and < Width)
                    column += aside;
                cells[row, column] = mark;
            }
        }
        var text = new StringBuilder();
        text.AppendLine($"  {yName}   ({string.Join(", ", curves.Select(c => $"{c.Mark} {c.Name}"))})");
        for (var row = 0; row < Height; row++)
        {
            var label = row == 0 ? Numbers.Short(Math.Exp(top)) : row == Height - 1 ? Numbers.Short(Math.Exp(bottom)) : "";
            text.Append(label.PadLeft(11)).Append(" |");
            var line = string.Concat(Enumerable.Range(0, Width).Select(column => cells[row, column] == '\0' ? ' ' : cells[row, column]));
            text.AppendLine(line.TrimEnd());
        }
        text.Append(' ', 12).Append('+').Append('-', Width).AppendLine();
        var low = Numbers.Short(Math.Exp(left));
        var high = Numbers.Short(Math.Exp(right));
        text.Append(' ', 13).Append(low).Append(xName.PadLeft((Width - xName.Length) / 2 + xName.Length - low.Length)).AppendLine(high.PadLeft(Width - (Width - xName.Length) / 2 - xName.Length));
        return text.ToString();
    }
}
