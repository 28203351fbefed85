namespace DpAttn.Attention;

/// <summary>The parts of a release without noise, every copy alike. Not private: for evaluation and tests.</summary>
internal sealed class ExactDistanceTree(DistanceTreeNodes nodes) : IDistanceTreeParts
{
    public DistanceTreeParameters Parameters => nodes.Parameters;

    public long Slots => nodes.Slots;

    public double Deviation => 0;

    public void Read(long part, Span<long> destination)
    {
        var columns = Parameters.Columns;
        var multiplier = Parameters.MultiplierOf(part);
        nodes.Read(part, destination[..columns]);
        for (var c = 0; c < columns; c++)
            destination[c] = checked(multiplier * destination[c]);
        for (var copy = 1; copy < Parameters.Copies; copy++)
            destination[..columns].CopyTo(destination[(copy * columns)..]);
    }
}
