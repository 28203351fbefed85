using System.Diagnostics;
using DpAttn.Cluster;
using DpAttn.Server.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DpAttn.Server.Tests;

/// <summary>A server that is told to stop ends.</summary>
[Collection(nameof(SettingsTests))]
public sealed class StopTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_server_ends_in_time_whether_its_services_do_or_not(bool isStuck)
    {
        var (told, error) = (new StringWriter(), Console.Error);
        Console.SetError(told);
        try
        {
            var began = Stopwatch.GetTimestamp();
            var code = await DpAttnServer.RunAsync(["--DpAttn:Listen=http://127.0.0.1:0", "--DpAttn:AdminListen=", "--DpAttn:ShutdownSeconds=1"], builder =>
            {
                builder.Logging.ClearProviders();
                builder.Services.AddSingleton<IFrontDoor>(new FakeFrontDoor());
                builder.Services.AddHostedService(provider => new Stops(provider.GetRequiredService<IHostApplicationLifetime>(), isStuck));
            }).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
            var took = Stopwatch.GetElapsedTime(began);
            Assert.Equal(isStuck ? 1 : 0, code);
            Assert.Equal(isStuck, told.ToString().Contains("did not stop in order", StringComparison.Ordinal));
            // One second was stated, and five come on top.
            if (isStuck)
                Assert.InRange(took, TimeSpan.FromSeconds(5.9), TimeSpan.FromSeconds(20));
        }
        finally
        {
            Console.SetError(error);
        }
    }

    /// <summary>Stops the server as soon as it runs, and then itself, or never.</summary>
    private sealed class Stops(IHostApplicationLifetime lifetime, bool isStuck) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            lifetime.ApplicationStarted.Register(lifetime.StopApplication);
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => isStuck ? Task.Delay(Timeout.Infinite, CancellationToken.None) : Task.CompletedTask;
    }
}
