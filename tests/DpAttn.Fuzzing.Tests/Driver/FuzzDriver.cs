using System.Diagnostics;

namespace DpAttn.Fuzzing.Tests;

/// <summary>
/// Reads cases one after another on a thread of its own. A case fails by an exception that is not documented, by more allocation than its cap, or by not coming
/// back; the message names it so that it can be read again.
/// </summary>
internal static class FuzzDriver
{
    /// <summary>In the environment: another run's cases (a number), and one case alone (target:number).</summary>
    public const string RunVariable = "DPATTN_FUZZ_RUN";
    public const string ReplayVariable = "DPATTN_FUZZ_REPLAY";

    /// <summary>How long a case may take. Cases take well below a millisecond; the machine may be busy.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private const int MostShown = 96;

    /// <summary>The run whose cases are read: 0, or what the environment says.</summary>
    public static ulong Run => ulong.TryParse(Environment.GetEnvironmentVariable(RunVariable), out var run) ? run : 0;

    /// <summary>Reads cases 0 to <paramref name="cases"/> - 1 of a run.</summary>
    /// <exception cref="FuzzFailureException">One was not read as documented.</exception>
    public static FuzzReport Read(FuzzTarget target, long cases, ulong run, TimeSpan? deadline = null, long first = 0)
    {
        var worker = new Worker(target, run, first, cases);
        var thread = new Thread(worker.Run, 4 << 20) { IsBackground = true, Name = $"fuzzing {target.Name}" };
        thread.Start();
        var limit = deadline ?? Deadline;
        while (!thread.Join(limit < TimeSpan.FromSeconds(1) ? limit : TimeSpan.FromSeconds(1)))
        {
            // The thread is left where it hangs: it is the process's last one.
            if (worker.Running(out var number) > limit)
                throw Failure(target, run, number, $"it did not come back within {limit.TotalSeconds} s", null);
        }
        return worker.Result();
    }

    private static FuzzFailureException Failure(FuzzTarget target, ulong run, long number, string what, Exception? inner)
    {
        var bytes = target.Case(run, number);
        var shown = Convert.ToHexStringLower(bytes.AsSpan(0, Math.Min(bytes.Length, MostShown)));
        return new FuzzFailureException(
            $"{target.Name}, case {number} of run {run}: {what}. Again: {RunVariable}={run} {ReplayVariable}={target.Name}:{number}. Its {bytes.Length} bytes begin {shown}", inner);
    }

    private sealed class Worker(FuzzTarget target, ulong run, long first, long cases)
    {
        private readonly Mutator _mutator = new(target.Seeds, [.. target.Tokens.Select(System.Text.Encoding.UTF8.GetBytes)]);
        private FuzzFailureException? _failure;
        private FuzzReport? _report;
        private long _number;
        private long _began;

        public TimeSpan Running(out long number)
        {
            number = Volatile.Read(ref _number);
            var began = Volatile.Read(ref _began);
            return began == 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(began);
        }

        public FuzzReport Result() => _failure is { } failure ? throw failure : _report!;

        public void Run()
        {
            var start = Stopwatch.GetTimestamp();
            (long taken, long refused, long most) = (0, 0, 0);
            var longest = TimeSpan.Zero;
            try
            {
                // Once beforehand: what is made when code first runs is nobody's input.
                foreach (var seed in target.Seeds)
                    ReadOnce(target.Wrap(seed), -1);
                for (var number = first; number < first + cases; number++)
                {
                    var bytes = target.Case(_mutator, run, number);
                    Volatile.Write(ref _number, number);
                    Volatile.Write(ref _began, Stopwatch.GetTimestamp());
                    var before = Allocated();
                    var isTaken = ReadOnce(bytes, number);
                    var allocated = Allocated() - before;
                    var took = Stopwatch.GetElapsedTime(_began);
                    Volatile.Write(ref _began, 0);
                    (taken, refused) = isTaken ? (taken + 1, refused) : (taken, refused + 1);
                    (most, longest) = (Math.Max(most, allocated), took > longest ? took : longest);
                    if (allocated > target.CapOf(bytes.Length))
                        throw Failure(target, run, number, $"it allocated {allocated:N0} bytes; at most {target.CapOf(bytes.Length):N0} are allowed", null);
                }
                _report = new FuzzReport(target.Name, cases, taken, refused, most, longest, Stopwatch.GetElapsedTime(start));
            }
            catch (FuzzFailureException failure)
            {
                _failure = failure;
            }
        }

        private long Allocated() => target.IsThreaded ? GC.GetTotalAllocatedBytes() : GC.GetAllocatedBytesForCurrentThread();

        private bool ReadOnce(byte[] bytes, long number)
        {
            try
            {
                return target.Read(bytes);
            }
            catch (Exception refusal) when (number >= 0 && target.Refusals.Any(type => type.IsInstanceOfType(refusal)) && target.IsRefusal(refusal))
            {
                return false;
            }
            catch (Exception crash)
            {
                throw number < 0
                    ? new FuzzFailureException($"{target.Name}: a seed is not read: {crash.Message}", crash)
                    : Failure(target, run, number, $"{crash.GetType().Name}, which is not documented: {crash.Message}", crash);
            }
        }
    }
}
