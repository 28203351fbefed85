using System.Globalization;
using System.Xml.Linq;
using DpAttn.Cli.Output;

namespace DpAttn.Cli.Bench;

/// <summary>The curves as an SVG file: a panel each, both axes logarithmic, the 95 % spread as a bar, the signal dashed.</summary>
internal static class SvgPlot
{
    private const int PanelWidth = 380, PanelHeight = 300, PanelsInLine = 3, LegendHeight = 34;
    private const int Left = 62, Right = 14, Top = 34, Bottom = 44;

    // Distinguishable without red and green (Okabe and Ito).
    private static readonly string[] Colours = ["#0072b2", "#e69f00", "#d55e00", "#009e73", "#cc79a7", "#000000"];
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    /// <summary>Draws all curves.</summary>
    public static XDocument Draw(IReadOnlyList<AccuracyCurves> all)
    {
        string[] labels = [.. all.SelectMany(curves => curves.Curves.Where(IsDrawn).Select(curve => curve.Label)).Distinct()];
        int columns = Math.Min(PanelsInLine, all.Count), lines = (all.Count + columns - 1) / columns;
        var (width, height) = (Math.Max(columns, 2) * PanelWidth, lines * PanelHeight + LegendHeight);
        var root = new XElement(
            Svg + "svg", new XAttribute("width", width), new XAttribute("height", height), new XAttribute("viewBox", $"0 0 {width} {height}"),
            new XAttribute("font-family", "sans-serif"), new XAttribute("font-size", 11),
            new XElement(Svg + "title", "dpattn bench accuracy: error against exact attention"),
            new XElement(Svg + "rect", new XAttribute("width", width), new XAttribute("height", height), new XAttribute("fill", "white")),
            Legend(labels));
        for (var i = 0; i < all.Count; i++)
            root.Add(new XElement(Svg + "g", new XAttribute("transform", $"translate({i % columns * PanelWidth} {i / columns * PanelHeight + LegendHeight})"), Panel(all[i], labels)));
        return new XDocument(root);
    }

    private static bool IsDrawn(AccuracyCurves.Curve curve) => curve.Points.Any(point => point.Result.Rmse > 0);

    private static IEnumerable<XElement> Legend(string[] labels)
    {
        var x = 14.0;
        for (var i = 0; i <= labels.Length; i++)
        {
            var label = i < labels.Length ? labels[i] : "signal";
            yield return i < labels.Length ? Line(x, 18, x + 18, 18, Colours[i], 2) : Dashed(x, 18, x + 18, 18);
            yield return Text(x + 23, 22, label, "start");
            x += 40 + 6.2 * label.Length;
        }
    }

    private static IEnumerable<XElement> Panel(AccuracyCurves curves, string[] labels)
    {
        var drawn = curves.Curves.Where(IsDrawn).ToArray();
        var points = drawn.SelectMany(curve => curve.Points).Where(point => point.Result.Rmse > 0).ToArray();
        yield return Text(PanelWidth / 2.0, 16, $"{curves.Workload}: error against {curves.Axis}", "middle");
        if (points.Length == 0)
        {
            yield return Text(PanelWidth / 2.0, PanelHeight / 2.0, "every mechanism is refused", "middle");
            yield break;
        }
        var signals = curves.Curves[0].Points.Where(point => point.Result.SignalRms > 0).Select(point => (point.X, Y: point.Result.SignalRms)).ToArray();
        var x = LogAxis.Over(curves.Curves.SelectMany(curve => curve.Points.Select(point => point.X)), Left, PanelWidth - Right);
        var y = LogAxis.Over(points.SelectMany(point => new[] { point.Result.RmseLow!.Value, point.Result.RmseHigh!.Value }).Concat(signals.Select(signal => signal.Y)).Where(value => value > 0), PanelHeight - Bottom, Top);
        foreach (var tick in y.Decades())
        {
            yield return Line(Left, y.Of(tick), PanelWidth - Right, y.Of(tick), "#dddddd", 1);
            yield return Text(Left - 5, y.Of(tick) + 4, Numbers.Short(tick), "end");
        }
        foreach (var tick in curves.Curves.SelectMany(curve => curve.Points.Select(point => point.X)).Distinct())
            yield return Text(x.Of(tick), PanelHeight - Bottom + 16, Numbers.Short(tick), "middle");
        yield return Line(Left, PanelHeight - Bottom, PanelWidth - Right, PanelHeight - Bottom, "#444444", 1);
        yield return Line(Left, Top, Left, PanelHeight - Bottom, "#444444", 1);
        yield return Text((Left + PanelWidth - Right) / 2.0, PanelHeight - 10, curves.Axis, "middle");
        for (var i = 1; i < signals.Length; i++)
            yield return Dashed(x.Of(signals[i - 1].X), y.Of(signals[i - 1].Y), x.Of(signals[i].X), y.Of(signals[i].Y));
        if (signals.Length == 1)
            yield return Dashed(Left, y.Of(signals[0].Y), PanelWidth - Right, y.Of(signals[0].Y));
        foreach (var element in drawn.SelectMany(curve => Curve(curve, Colours[Array.IndexOf(labels, curve.Label)], x, y)))
            yield return element;
    }

    private static IEnumerable<XElement> Curve(AccuracyCurves.Curve curve, string colour, LogAxis x, LogAxis y)
    {
        var points = curve.Points.Where(point => point.Result.Rmse > 0).ToArray();
        for (var i = 0; i < points.Length; i++)
        {
            var (at, result) = points[i];
            if (i > 0)
                yield return Line(x.Of(points[i - 1].X), y.Of(points[i - 1].Result.Rmse!.Value), x.Of(at), y.Of(result.Rmse!.Value), colour, 1.5);
            if (result.RmseLow > 0)
                yield return Line(x.Of(at), y.Of(result.RmseLow.Value), x.Of(at), y.Of(result.RmseHigh!.Value), colour, 4, 0.35);
            yield return new XElement(
                Svg + "circle", Number("cx", x.Of(at)), Number("cy", y.Of(result.Rmse!.Value)), Number("r", 2.5), new XAttribute("fill", colour),
                new XElement(Svg + "title", $"{curve.Label}: {Numbers.Short(result.Rmse.Value)} ({Numbers.Short(result.RmseLow!.Value)} to {Numbers.Short(result.RmseHigh!.Value)})"));
        }
    }

    private static XElement Line(double x1, double y1, double x2, double y2, string colour, double width, double opacity = 1) => new(
        Svg + "line", Number("x1", x1), Number("y1", y1), Number("x2", x2), Number("y2", y2), new XAttribute("stroke", colour), Number("stroke-width", width), Number("stroke-opacity", opacity));

    private static XElement Dashed(double x1, double y1, double x2, double y2)
    {
        var line = Line(x1, y1, x2, y2, "#777777", 1.2);
        line.Add(new XAttribute("stroke-dasharray", "5 4"));
        return line;
    }

    private static XElement Text(double x, double y, string text, string anchor) => new(Svg + "text", Number("x", x), Number("y", y), new XAttribute("text-anchor", anchor), text);

    private static XAttribute Number(string name, double value) => new(name, value.ToString("0.##", CultureInfo.InvariantCulture));
}
