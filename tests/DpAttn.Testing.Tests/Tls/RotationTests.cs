using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.LocalCluster;

namespace DpAttn.Testing.Tests.Tls;

/// <summary>Certificates that change under a running cluster, as mounted secrets do.</summary>
[Collection(nameof(SiloAndFront))]
public sealed class RotationTests
{
    [Fact]
    public async Task Certificates_and_the_authority_are_replaced_while_users_are_answered()
    {
        await using var cluster = await TlsCluster.StartAsync();
        await cluster.PublishAsync("s", rows: 100);
        var user = cluster.Front.Connect(await cluster.KeyAsync("ulf", Roles.User));
        await user.AttendAsync("s", new float[] { 0.5f, 0.1f }, new AttendOptions { MaxEpsilon = 1 });
        var (oldSilo, oldFront) = (SecretDirectory.Silo(cluster.Authority), SecretDirectory.Front(cluster.Authority));
        using var next = new ThrowawayAuthority("next");
        using var held = await Stranger.TlsAsync(cluster.Gateways[0], oldFront, cluster.Greeting);
        Assert.True(await held.ReadAsync() > 0);
        using var stop = new CancellationTokenSource();
        var asking = Task.Run(async () =>
        {
            var answered = 0;
            for (; !stop.IsCancellationRequested; answered++)
                await user.AttendAsync("s", new float[] { 0.5f, 0.1f });
            return answered;
        });

        // First both are trusted, then the new one's certificates are shown, then the old one is trusted no more.
        var both = cluster.Authority.Pem + "\n" + next.Pem;
        Assert.False(await cluster.IsAnsweredAsync(cluster.Gateways[0], SecretDirectory.Front(next)));
        cluster.SiloSecret.Put(oldSilo, both);
        cluster.FrontSecret.Put(oldFront, both);
        await UntilAsync(() => cluster.IsAnsweredAsync(cluster.Gateways[0], SecretDirectory.Front(next)));
        Assert.True(await cluster.IsAnsweredAsync(cluster.SiloPort, oldSilo));
        cluster.SiloSecret.Put(SecretDirectory.Silo(next), both);
        cluster.FrontSecret.Put(SecretDirectory.Front(next), both);
        await Task.Delay(5 * TlsCluster.Interval);
        cluster.SiloSecret.Put(SecretDirectory.Silo(next), next.Pem);
        cluster.FrontSecret.Put(SecretDirectory.Front(next), next.Pem);
        await UntilAsync(async () => !await cluster.IsAnsweredAsync(cluster.Gateways[0], oldFront));
        Assert.False(await cluster.IsAnsweredAsync(cluster.SiloPort, oldSilo));
        Assert.True(await cluster.IsAnsweredAsync(cluster.SiloPort, SecretDirectory.Silo(next)));

        // What was let in by the old authority is out.
        Assert.InRange(await held.EndAsync(), TimeSpan.Zero, TimeSpan.FromSeconds(3));
        await stop.CancelAsync();
        Assert.InRange(await asking, 10, int.MaxValue);
        Assert.Single((await user.AttendAsync("s", new float[] { 0.5f, 0.1f })).Outputs);
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        for (var i = 0; !await isSo(); i++)
        {
            Assert.True(i < 100, "it does not come to be so");
            await Task.Delay(100);
        }
    }
}
