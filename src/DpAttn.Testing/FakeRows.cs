using DpAttn.Attention;

namespace DpAttn.Testing;

/// <summary>Rows as they were at one time, in slot order.</summary>
internal sealed class FakeRows(Matrix<double> keys, Matrix<double> values, double scale)
{
    public long Slots => keys.Rows;

    /// <summary>Exact attention over the slots [from, to).</summary>
    public ExactAttention<double> Attention(long from, long to) => new(Window(keys, (int)from, (int)to), Window(values, (int)from, (int)to), scale);

    private static Matrix<double> Window(Matrix<double> rows, int from, int to) => new(to - from, rows.Columns, rows.Data[(from * rows.Columns)..(to * rows.Columns)]);
}
