namespace DpAttn.Client.Tests;

/// <summary>Over a real socket, with a small server that keeps a ledger: what is charged is charged once.</summary>
public class RealServerTests
{
    private static readonly AttendOptions Opening = new() { MaxEpsilon = 1 };
    private static readonly float[] Query = [0.5f, 0.25f];

    [Fact]
    public async Task A_charge_whose_answer_came_too_late_is_asked_again_and_charged_once()
    {
        using var server = new ChargingServer();
        server.BeforeAnswer = async attempt =>
        {
            if (attempt == 1)
                await server.Stopped.WaitAsync(TimeSpan.FromSeconds(30), CancellationToken.None);
        };
        using var client = server.Client(o => o.Timeout = TimeSpan.FromMilliseconds(300));

        var answer = await client.AttendAsync("packages", Query, Opening);

        Assert.True(answer.Privacy.Replayed);
        Assert.Equal(1, server.Charges);
        Assert.InRange(server.Attempts, 2, 6);
    }

    [Fact]
    public async Task A_charge_whose_connection_broke_before_the_answer_is_charged_once()
    {
        using var server = new ChargingServer { BreaksAfterCharging = 2 };
        using var client = server.Client();
        var answer = await client.AttendAsync("packages", Query, Opening);
        Assert.True(answer.Privacy.Replayed);
        Assert.Equal(1, server.Charges);
        Assert.Equal(3, server.Attempts);
    }

    [Fact]
    public async Task A_charge_whose_answer_broke_off_in_the_middle_is_charged_once()
    {
        using var server = new ChargingServer { BreaksInAnswer = 1 };
        using var client = server.Client();
        var answer = await client.AttendAsync("packages", Query, Opening);
        Assert.Equal(2, answer.Outputs[0].Count);
        Assert.Equal(1, server.Charges);
        Assert.Equal(2, server.Attempts);
    }

    [Fact]
    public async Task A_server_that_is_not_there_yet_is_waited_for()
    {
        var port = ChargingServer.FreePort();
        using var client = ChargingServer.ClientOf(port, o => (o.MaxRetries, o.RetryDelay, o.MaxRetryDelay) = (20, TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(100)));
        var asking = client.AttendAsync("packages", Query, Opening);
        await Task.Delay(100);
        using var server = new ChargingServer(port);
        Assert.Equal(1, (await asking).Privacy.Charged);
    }

    [Fact]
    public async Task A_server_that_is_never_there_is_named()
    {
        var port = ChargingServer.FreePort();
        using var client = ChargingServer.ClientOf(port, o => (o.MaxRetries, o.RetryDelay) = (1, TimeSpan.FromMilliseconds(1)));
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => client.AttendAsync("packages", Query, Opening));
        Assert.StartsWith($"attend to store 'packages': http://127.0.0.1:{port} cannot be reached, or the connection broke: ", failure.Message);
        Assert.EndsWith("after 2 attempts", failure.Message);
        Assert.NotNull(failure.IdempotencyKey);
    }

    // Every answer repeats its own request's number: a client that mixed up threads would hand out another's.
    [Fact]
    public async Task One_client_serves_many_threads_and_every_caller_gets_its_own_answer()
    {
        using var server = new ChargingServer { BusyEvery = 5 };
        using var client = server.Client(o => (o.RetryDelay, o.MaxRetryDelay, o.MaxRetries) = (TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(5), 20));
        await Parallel.ForAsync(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, token) =>
        {
            var answer = i % 2 == 0
                ? await client.AttendAsync("packages", new float[] { i, 0 }, Opening, token)
                : await client.AttendAsync("packages", new float[] { i, 0 }, 1, Opening, token);
            Assert.Equal(i, answer.Outputs[0][0]);
        });
        Assert.Equal(400, server.Charges);
        Assert.True(server.Attempts > 400);
    }

    [Fact]
    public async Task A_long_upload_arrives_whole_over_a_socket()
    {
        using var server = new ChargingServer();
        using var client = server.Client(o => o.BatchBytes = 256 * 1024);
        async IAsyncEnumerable<Row> Rows()
        {
            var (key, value) = (new float[64], new float[16]);
            for (var i = 0; i < 20_000; i++)
            {
                (key[0], value[15]) = (i, -i);
                yield return new Row(key, value);
            }
            await Task.CompletedTask;
        }
        Assert.Equal(20_000, await client.AppendAsync("packages", "load", Rows()));
        Assert.Equal(20_000L * (64 + 16) * 4 + server.Batches.Count * 2L * 128, server.Batches.Sum(batch => batch.Value));
    }
}
