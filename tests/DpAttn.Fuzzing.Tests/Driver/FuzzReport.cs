namespace DpAttn.Fuzzing.Tests;

/// <summary>What a run saw.</summary>
/// <param name="Target">The target.</param>
/// <param name="Cases">Cases read.</param>
/// <param name="Taken">Cases that were taken.</param>
/// <param name="Refused">Cases that were refused as documented.</param>
/// <param name="MostBytes">The most that a case allocated.</param>
/// <param name="Longest">The longest that a case took.</param>
/// <param name="Elapsed">The whole.</param>
internal sealed record FuzzReport(string Target, long Cases, long Taken, long Refused, long MostBytes, TimeSpan Longest, TimeSpan Elapsed)
{
    public override string ToString() =>
        $"{Target,-28} {Cases,9:N0} cases  {Taken,8:N0} taken  {Refused,9:N0} refused  at most {MostBytes,11:N0} bytes  longest {Longest.TotalMilliseconds,8:N1} ms  in {Elapsed.TotalSeconds,6:N1} s";
}

/// <summary>A case that was not read as documented. The message says how to read it again.</summary>
internal sealed class FuzzFailureException(string message, Exception? inner = null) : Exception(message, inner);
