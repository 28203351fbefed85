using System.Buffers;

namespace DpAttn.Server.Rows;

/// <summary>Numbers as they arrive, in a rented array that is wiped when it goes back.</summary>
internal struct DoubleBuffer : IDisposable
{
    private double[]? _numbers;

    public int Count { get; private set; }

    public void Add(double number)
    {
        if (_numbers is null || Count == _numbers.Length)
            Grow();
        _numbers![Count++] = number;
    }

    public void AddZeros(int count)
    {
        for (var i = 0; i < count; i++)
            Add(0);
    }

    public readonly double[] ToArray() => _numbers.AsSpan(0, Count).ToArray();

    public readonly void CopyTo(Span<double> destination) => _numbers.AsSpan(0, Count).CopyTo(destination);

    public void Dispose()
    {
        if (_numbers is { } numbers)
            ArrayPool<double>.Shared.Return(numbers, clearArray: true);
        _numbers = null;
    }

    private void Grow()
    {
        var larger = ArrayPool<double>.Shared.Rent(Math.Max(256, 2 * Count));
        _numbers.AsSpan(0, Count).CopyTo(larger);
        Dispose();
        _numbers = larger;
    }
}
