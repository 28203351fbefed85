namespace DpAttn.Attention.IO;

/// <summary>A matrix as it came from a file: float32 or float64, not widened.</summary>
public sealed class FloatMatrix
{
    /// <summary>A float32 matrix.</summary>
    public FloatMatrix(Matrix<float> single) => Single = single;

    /// <summary>A float64 matrix.</summary>
    public FloatMatrix(Matrix<double> @double) => Double = @double;

    /// <summary>The float32 matrix, or null.</summary>
    public Matrix<float>? Single { get; }

    /// <summary>The float64 matrix, or null.</summary>
    public Matrix<double>? Double { get; }

    /// <summary>Rows.</summary>
    public int Rows => Single?.Rows ?? Double!.Rows;

    /// <summary>Columns.</summary>
    public int Columns => Single?.Columns ?? Double!.Columns;

    /// <summary>The data's size in bytes.</summary>
    internal long Bytes => Single is not null ? Single.Data.LongLength * sizeof(float) : Double!.Data.LongLength * sizeof(double);

    /// <summary>The matrix in float64: exact; a copy for float32.</summary>
    public Matrix<double> ToDouble() =>
        Double ?? new Matrix<double>(Rows, Columns, Array.ConvertAll(Single!.Data, x => (double)x));

    /// <summary>Private rows of these keys and values, without copying either.</summary>
    /// <exception cref="ArgumentException">Different numbers of rows, or none.</exception>
    public static RowSet ToRows(FloatMatrix keys, FloatMatrix values, bool[]? isNull = null)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(values);
        return (keys, values) switch
        {
            ({ Single: { } k }, { Single: { } v }) => RowSet.Create(k, v, isNull),
            ({ Single: { } k }, { Double: { } v }) => RowSet.Create(k, v, isNull),
            ({ Double: { } k }, { Single: { } v }) => RowSet.Create(k, v, isNull),
            _ => RowSet.Create(keys.Double!, values.Double!, isNull),
        };
    }
}
