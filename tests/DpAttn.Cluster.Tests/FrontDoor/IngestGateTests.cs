using DpAttn.Contracts;

namespace DpAttn.Cluster.Tests;

/// <summary>Bytes of rows on their way in are bounded over all callers.</summary>
public class IngestGateTests
{
    private const long Limit = 1 << 20;
    private readonly IngestGate _gate = new(new ClusterOptions { IngestBytes = Limit });

    [Fact]
    public void What_does_not_fit_beside_the_others_is_busy_and_takes_no_room()
    {
        var first = _gate.Enter(Limit - 10);
        Assert.Equal(ProblemCodes.Busy, Assert.Throws<ProblemException>(() => _gate.Enter(11)).Code);
        using var second = _gate.Enter(10);
        Assert.Throws<ProblemException>(() => _gate.Enter(1));
        first.Dispose();
        using var third = _gate.Enter(Limit - 10);
    }

    [Fact]
    public void What_never_fits_is_too_large()
    {
        var problem = Assert.Throws<ProblemException>(() => _gate.Enter(Limit + 1));
        Assert.Equal(ProblemCodes.TooLarge, problem.Code);
        Assert.Contains("1048577", problem.Message);
        Assert.Contains("1048576", problem.Message);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void Less_than_nothing_makes_no_room(long bytes)
    {
        using var all = _gate.Enter(Limit);
        Assert.Throws<ArgumentOutOfRangeException>(() => _gate.Enter(bytes));
        Assert.Equal(ProblemCodes.Busy, Assert.Throws<ProblemException>(() => _gate.Enter(1)).Code);
    }

    [Fact]
    public void Leaving_twice_makes_room_once()
    {
        var first = _gate.Enter(Limit / 2);
        using var second = _gate.Enter(Limit / 2);
        first.Dispose();
        first.Dispose();
        using var third = _gate.Enter(Limit / 2);
        Assert.Throws<ProblemException>(() => _gate.Enter(1));
    }

    [Fact]
    public void Racing_callers_never_exceed_the_limit_and_leave_it_empty()
    {
        long inside = 0;
        Parallel.For(0, 20_000, i =>
        {
            try
            {
                using var pass = _gate.Enter(Limit / 3);
                Assert.InRange(Interlocked.Increment(ref inside), 1, 3);
                Interlocked.Decrement(ref inside);
            }
            catch (ProblemException e)
            {
                Assert.Equal(ProblemCodes.Busy, e.Code);
            }
        });
        using var all = _gate.Enter(Limit);
    }
}
