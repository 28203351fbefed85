namespace DpAttn.Attention;

/// <summary>
/// DPTreeHighDim of the seed paper (arXiv 2407.14717, appendix G): the weighted l_p^p distance sum_i w_i |y - x_i|_p^p in several dimensions, the sum of one
/// <see cref="DpTreeDistance"/> per coordinate. The paper claims d times the cost of one, and d times its error by advanced composition; noise that is drawn
/// independently per coordinate under one joint sensitivity adds up as a root of squares instead.
/// </summary>
public sealed class DpTreeHighDim
{
    private readonly DpTreeDistance[] _coordinates;

    /// <summary>A structure from one per coordinate, each with a grid of its own.</summary>
    /// <exception cref="ArgumentException">No coordinates, or different numbers of columns.</exception>
    public DpTreeHighDim(IReadOnlyList<DpTreeDistance> coordinates)
    {
        ArgumentNullException.ThrowIfNull(coordinates);
        if (coordinates.Count == 0)
            throw new ArgumentException("a distance needs at least one coordinate", nameof(coordinates));
        if (coordinates.Any(coordinate => coordinate.Width != coordinates[0].Width))
            throw new ArgumentException("all coordinates must have the same number of columns of weights", nameof(coordinates));
        _coordinates = [.. coordinates];
    }

    /// <summary>Coordinates.</summary>
    public int Dimension => _coordinates.Length;

    /// <summary>Init: exact structures over weighted points. They are private.</summary>
    /// <param name="grids">One grid per coordinate.</param>
    /// <param name="power">p.</param>
    /// <param name="alpha">As for <see cref="DpTreeDistance"/>.</param>
    /// <param name="points">n x dimension.</param>
    /// <param name="weights">n x width integers, point by point.</param>
    /// <param name="width">Columns of weights.</param>
    /// <exception cref="ArgumentException">As for <see cref="DpTreeDistance"/>, or another dimension.</exception>
    public static DpTreeHighDim Over(IReadOnlyList<DistanceGrid> grids, double power, double alpha, Matrix<double> points, ReadOnlySpan<long> weights, int width = 1)
    {
        ArgumentNullException.ThrowIfNull(grids);
        ArgumentNullException.ThrowIfNull(points);
        if (grids.Count != points.Columns)
            throw new ArgumentException($"{grids.Count} grids for points of {points.Columns} dimensions", nameof(grids));
        var coordinates = new DpTreeDistance[grids.Count];
        var column = new double[points.Rows];
        for (var a = 0; a < coordinates.Length; a++)
        {
            for (var i = 0; i < column.Length; i++)
                column[i] = points[i, a];
            coordinates[a] = new DpTreeDistance(grids[a], power, alpha, DpTreeDistance.Sum(grids[a], power, alpha, column, weights, width));
        }
        return new DpTreeHighDim(coordinates);
    }

    /// <summary>Query: sum_i w_i |y - x_i|_p^p for every column, x_i the grid-rounded points.</summary>
    /// <exception cref="ArgumentException">Another dimension, NaN or infinity.</exception>
    public double[] Query(ReadOnlySpan<double> y)
    {
        if (y.Length != Dimension)
            throw new ArgumentException($"a place of {y.Length} dimensions; the structure has {Dimension}", nameof(y));
        var result = new double[_coordinates[0].Width];
        for (var a = 0; a < Dimension; a++)
        {
            var distances = _coordinates[a].Query(y[a]);
            for (var c = 0; c < result.Length; c++)
                result[c] += distances[c];
        }
        return result;
    }
}
