using DpAttn.Privacy;

namespace DpAttn.Auditing.Tests;

/// <summary>What an audit's confidence rests on: the runs that are counted are not those that the adversary learned from or chose its thresholds on.</summary>
public class AuditPhasesTests
{
    [Fact]
    public void No_two_runs_of_an_audit_share_a_secret()
    {
        var secrets = new AuditSecrets(1);
        var seen = new HashSet<string>();
        Span<byte> secret = stackalloc byte[AuditSecrets.Bytes];
        for (var phase = 0; phase < 3; phase++)
        {
            foreach (var second in new[] { false, true })
            {
                for (var run = 0; run < 1000; run++)
                {
                    secrets.Fill(phase, second, run, secret);
                    Assert.True(seen.Add(Convert.ToHexString(secret)), $"phase {phase}, run {run} has the secret of another run");
                }
            }
        }
        secrets.Fill(1, false, 0, secret);
        var first = secret.ToArray();
        new AuditSecrets(2).Fill(1, false, 0, secret);
        Assert.NotEqual(first, secret.ToArray());
    }

    /// <summary>Every run of every phase has a release key of its own: as many as there are runs, on each neighbour.</summary>
    [Theory]
    [InlineData(64, 128, 256)]
    [InlineData(100, 100, 100)]
    public void Learning_tuning_and_counting_run_the_mechanism_on_runs_of_their_own(int learning, int tuning, int counting)
    {
        var target = Audits.Target("moment-tree", "replace-one", 1);
        var address = new NoiseAddress("phases", 0, 1, NoiseLadder.Calibrate(1L << 40, 4, [new Epsilon(1)], Audits.Delta).Tiers[0].Variance);
        var (gate, keys, drawn) = (new Lock(), new HashSet<string>(), 0);
        target.Noise = key =>
        {
            var values = new long[4];
            var noise = new KeyedNoise(key);
            noise.Fill(address, values);
            lock (gate)
            {
                drawn++;
                keys.Add(string.Join(',', values));
            }
            return noise;
        };
        Audit.Run(target, new AuditSettings { LearningRuns = learning, TuningRuns = tuning, Runs = counting, Seed = 3, Threads = 2 }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(2 * (learning + tuning + counting), drawn);
        Assert.Equal(drawn, keys.Count);
    }
}
