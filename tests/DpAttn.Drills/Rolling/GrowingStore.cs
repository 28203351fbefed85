using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using DpAttn.Client;
using DpAttn.Contracts;

namespace DpAttn.Drills.Rolling;

/// <summary>A continual store that goes on growing while the cluster changes: what it released once is answered the same for ever, and whatever it was given is released.</summary>
internal sealed class GrowingStore(IDpAttentionClient owner, IDpAttentionClient user, string subject, ConcurrentQueue<string> faults)
{
    private const string Name = "growing";
    private const int BlockRows = 4, FirstBlocks = 4, QueryCount = 4;
    private static readonly DrillShape Shape = new(new MechanismDefinition("moment-tree", 1, Levels: "all", BlockRows: BlockRows, Continual: true), 8, 4);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(300);
    private string? _release, _digest;

    /// <summary>Blocks that were given to it.</summary>
    public long Blocks { get; private set; }

    public async Task PrepareAsync()
    {
        await owner.EnsureStoreAsync(Name, Shape.Define([0.5], limit: 4) with { Capacity = 100_000 });
        await owner.GrantAsync(Name, subject, 2);
        _release = (await owner.StartPublishAsync(Name)).Id;
        for (var i = 0; i < FirstBlocks; i++)
            await AppendAsync();
        await ReleasedAsync();
        await AskAsync(new AttendOptions { Release = _release, Tier = 0, Rows = new BlockRange(0, FirstBlocks) });
    }

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await AppendAsync();
            await AskAsync(new AttendOptions { Release = _release, Rows = new BlockRange(0, FirstBlocks) });
            await Task.Delay(Pause, CancellationToken.None);
        }
        await ReleasedAsync();
    }

    private async Task AppendAsync()
    {
        var (keys, values) = Shape.Batch(BlockRows, (int)Blocks);
        await owner.AppendAsync(Name, $"batch-{Blocks}", keys, values, BlockRows);
        Blocks++;
    }

    /// <summary>Waits until all that it was given is released, which needs nobody's hands.</summary>
    private async Task ReleasedAsync()
    {
        for (var tries = 0; ; tries++)
        {
            var grown = (await owner.GetReleaseAsync(Name, _release!)).Continual!;
            if (grown.BlocksReleased == Blocks)
                return;
            if (tries == 600)
            {
                faults.Enqueue($"of {Blocks} blocks only {grown.BlocksReleased} are released");
                return;
            }
            await Task.Delay(100);
        }
    }

    private async Task AskAsync(AttendOptions options)
    {
        var answer = await user.AttendAsync(Name, Shape.Queries(QueryCount), QueryCount, options);
        var digest = Convert.ToHexString(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(new { answer.Outputs, answer.NoiseDeviations })));
        _digest ??= digest;
        if (_digest != digest)
            faults.Enqueue($"the first {FirstBlocks} blocks were answered otherwise than before");
    }
}
