namespace DpAttn.Gateway;

/// <summary>Keeps what others can cause at will from filling the log.</summary>
internal sealed class Occasional(TimeSpan interval)
{
    private readonly Lock _lock = new();
    private long _last;
    private int _untold;

    /// <summary>Whether it is time to tell.</summary>
    /// <param name="untold">How many times it was not since.</param>
    public bool IsTime(out int untold)
    {
        lock (_lock)
        {
            untold = _untold;
            if (_last != 0 && TimeProvider.System.GetElapsedTime(_last) < interval)
            {
                _untold++;
                return false;
            }
            (_last, _untold) = (TimeProvider.System.GetTimestamp(), 0);
            return true;
        }
    }
}
