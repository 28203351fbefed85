using DpAttn.Privacy;

namespace DpAttn.Benchmarks.Ratios;

/// <summary>
/// Exact discrete Gaussian draws at sigma = 2^35 on one thread (at least 500,000 a second wanted), against the keystream alone: the same number
/// of words read and thrown away.
/// </summary>
internal static class SamplerRatio
{
    private const int Draws = 1 << 20;
    private const double Wanted = 500_000;

    public static void Run()
    {
        var sampler = new DiscreteGaussianSampler(new NoiseVariance(UInt128.One << 70));
        var key = new byte[32];
        using var counted = new CountedWords(new KeyStream(key));
        for (var i = 0; i < Draws; i++)
            sampler.Draw(counted);
        var words = counted.Read;

        long sum = 0;
        var seconds = double.MaxValue;
        var ratio = PairedRatio.Run(
            $"{Draws} draws at sigma = 2^35", () =>
            {
                using var stream = new KeyStream(key);
                var start = System.Diagnostics.Stopwatch.GetTimestamp();
                for (var i = 0; i < Draws; i++)
                    sum += sampler.Draw(stream);
                seconds = Math.Min(seconds, System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds);
            },
            $"their {words} words of keystream alone", () =>
            {
                using var stream = new KeyStream(key);
                for (var i = 0; i < words; i++)
                    sum += (long)stream.NextWord();
            });
        Console.WriteLine($"  {Draws / seconds:F0} draws a second (at least {Wanted:F0} wanted), {words / (double)Draws:F1} words each; {ratio:F1} times the keystream's time; sink {sum}");
    }

    /// <summary>Passes words on one by one and counts them.</summary>
    private sealed class CountedWords(KeyStream stream) : WordStream(sizeof(ulong))
    {
        public long Read { get; private set; }

        public override void Dispose()
        {
            stream.Dispose();
            base.Dispose();
        }

        protected override int Refill(Span<byte> words)
        {
            Read++;
            BitConverter.TryWriteBytes(words, stream.NextWord());
            return sizeof(ulong);
        }
    }
}
