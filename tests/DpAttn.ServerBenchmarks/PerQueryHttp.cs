using System.Diagnostics;
using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.Testing;

namespace DpAttn.Benchmarks.Server;

/// <summary>Answers that are charged one by one, each with a durable charge and a durable answer, asked for by many clients over HTTP.</summary>
internal static class PerQueryHttp
{
    private const string Store = "per-query";
    private const int Rows = 1000;
    private const int Bursts = 5;
    private const int AnswersOfOne = 40;

    /// <summary>Measures on a server that runs.</summary>
    public static async Task RunAsync(DpAttnTestCluster cluster, int clients)
    {
        var owner = await cluster.CreateClientAsync(Roles.Owner, "owner");
        await owner.EnsureStoreAsync(Store, new StoreDefinition
        {
            KeyDimension = BenchStore.Dimension,
            ValueDimension = BenchStore.Dimension,
            Keys = new RegionBound(new BallBound(1)),
            Values = new ValueBoundStatement(Radius: 1),
            Mechanism = new MechanismDefinition("per-query"),
            Ladder = [0.001],
            Limit = 10,
            Capacity = 100_000,
        });
        await owner.AppendAsync(Store, "rows", Data.UnitRows(Rows, BenchStore.Dimension, 1).Data, Data.UnitRows(Rows, BenchStore.Dimension, 2).Data, Rows);
        var users = new List<IDpAttentionClient>();
        for (var i = 0; i < clients; i++)
        {
            users.Add(await cluster.CreateClientAsync(Roles.User, $"user{i}"));
            await owner.GrantAsync(Store, $"user{i}", 5);
        }
        var query = Data.UnitRows(1, BenchStore.Dimension, 3).Data;
        await BurstAsync();
        var rates = new double[Bursts];
        for (var i = 0; i < Bursts; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await BurstAsync();
            rates[i] = clients * AnswersOfOne / Stopwatch.GetElapsedTime(began).TotalSeconds;
        }
        Console.WriteLine($"  per-query over HTTP, {clients} clients, {Rows} rows: {PairedRatio.Median(rates):F0} charged answers a second (each with its answer stored)");

        Task BurstAsync() => Task.WhenAll(users.Select(user => Task.Run(async () =>
        {
            for (var i = 0; i < AnswersOfOne; i++)
            {
                if ((await user.AttendAsync(Store, query, new AttendOptions { Tier = 0 })).Privacy.Charged <= 0)
                    throw new InvalidOperationException("an answer was not charged");
            }
        })));
    }
}
