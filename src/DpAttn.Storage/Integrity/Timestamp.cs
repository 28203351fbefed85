namespace DpAttn.Storage;

/// <summary>Times as the database keeps them: microseconds since 1970-01-01 UTC.</summary>
internal static class Timestamp
{
    private const long TicksPerMicrosecond = TimeSpan.TicksPerMicrosecond;

    public static long ToMicroseconds(DateTimeOffset time) => (time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / TicksPerMicrosecond;

    /// <exception cref="ArgumentException">No time that there is.</exception>
    /// <exception cref="OverflowException">As little one, and far beyond.</exception>
    public static DateTimeOffset FromMicroseconds(long microseconds) => DateTimeOffset.UnixEpoch.AddTicks(checked(microseconds * TicksPerMicrosecond));
}
