namespace DpAttn.Attention;

/// <summary>
/// Rows made ready for queries when a shard loads them: checked, centred, rounded to what every machine sums, and laid out for the vector loops. Immutable and thread-safe.
/// They are as secret as the rows.
/// </summary>
/// <remarks>
/// A key coordinate is held in single precision (the noise is far wider), a value as its integer, which single precision holds exactly. Panels of 32 rows hold
/// d strips of keys and dv + 1 strips of augmented values, rows side by side; a null slot has augmented values of 0 and adds nothing, and takes the same room and time.
/// </remarks>
public sealed class PerQueryRows
{
    /// <summary>Chunks stay in the second-level cache while the queries of a request pass over them.</summary>
    private const int ChunkBytes = 256 << 10;

    // See PerQuerySums: a chunk's sums stay below 2^53.
    private const int MostPanels = PerQuerySums.MostChunkRows / PerQueryPanels.Rows;

    private PerQueryRows(PerQueryParameters parameters, int slots, float[][] chunks, int chunkPanels) =>
        (Parameters, Slots, Chunks, ChunkPanels) = (parameters, slots, chunks, chunkPanels);

    /// <summary>Slots, null ones included.</summary>
    public int Slots { get; }

    /// <summary>Bytes held: a function of the number of slots and the schema alone.</summary>
    public long Bytes => Chunks.Sum(chunk => (long)chunk.Length * sizeof(float));

    internal PerQueryParameters Parameters { get; }

    internal float[][] Chunks { get; }

    /// <summary>Panels per chunk; the last chunk may have fewer.</summary>
    internal int ChunkPanels { get; }

    /// <summary>Floats per panel.</summary>
    internal static int PanelLength(PerQueryParameters parameters) => (parameters.Schema.KeyDimension + parameters.Columns) * PerQueryPanels.Rows;

    /// <summary>Checks and prepares rows.</summary>
    /// <param name="parameters">The mechanism's parameters.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="clip">Whether rows out of bounds are moved to the nearest point inside instead of being refused.</param>
    /// <param name="ct">Stops between panels.</param>
    /// <exception cref="RowRejectedException">The first row that breaks the bounds.</exception>
    /// <exception cref="ArgumentException">Dimensions differ from the schema's, null slots under replace-one, or more rows than the capacity.</exception>
    public static PerQueryRows Prepare(PerQueryParameters parameters, RowSet rows, bool clip, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(rows);
        RowCheck.RequireShape(parameters.Schema, rows);
        if (rows.Count > parameters.Schema.Capacity)
            throw new ArgumentException($"{rows.Count} rows exceed the store's capacity of {parameters.Schema.Capacity}", nameof(rows));

        var panelLength = PanelLength(parameters);
        var panels = (rows.Count + PerQueryPanels.Rows - 1) / PerQueryPanels.Rows;
        var chunkPanels = Math.Clamp(ChunkBytes / (panelLength * sizeof(float)), 1, MostPanels);
        var chunks = new float[(panels + chunkPanels - 1) / chunkPanels][];
        var writer = new PanelWriter(parameters, rows, clip);
        for (var panel = 0; panel < panels; panel++)
        {
            ct.ThrowIfCancellationRequested();
            var (chunk, place) = (panel / chunkPanels, panel % chunkPanels);
            if (place == 0)
                chunks[chunk] = new float[Math.Min(chunkPanels, panels - panel) * panelLength];
            writer.Write(panel * PerQueryPanels.Rows, chunks[chunk].AsSpan(place * panelLength, panelLength));
        }
        return new PerQueryRows(parameters, rows.Count, chunks, chunkPanels);
    }

    private sealed class PanelWriter(PerQueryParameters parameters, RowSet rows, bool clip)
    {
        // Smaller coordinates are 0: no product is ever subnormal.
        private const float SmallestKey = 1f / (1L << 32) / (1L << 32);

        private readonly RowReader _reader = new(parameters.Schema, clip);
        private readonly double _valueScale = DeterministicMath.PowerOfTwo(parameters.ValueExponent);
        private readonly double _keyScale = DeterministicMath.PowerOfTwo(-parameters.KeyExponent);

        public void Write(int start, Span<float> panel)
        {
            var count = Math.Min(PerQueryPanels.Rows, rows.Count - start);
            for (var i = 0; i < count; i++)
            {
                // A null slot, and padding, keep their zeros.
                if (_reader.Read(rows, start + i))
                    Write(i, _reader.CentredKey, _reader.Value, panel);
            }
        }

        private void Write(int lane, ReadOnlySpan<double> key, ReadOnlySpan<double> value, Span<float> panel)
        {
            var at = lane;
            foreach (var x in key)
            {
                var rounded = (float)(x * _keyScale);
                panel[at] = Math.Abs(rounded) < SmallestKey ? 0 : rounded;
                at += PerQueryPanels.Rows;
            }
            panel[at] = parameters.GammaSteps;
            foreach (var x in value)
            {
                at += PerQueryPanels.Rows;
                panel[at] = (float)Math.Round(x * _valueScale);
            }
        }
    }
}
