using System.Text;
using DpAttn.Privacy;
using DpAttn.Storage.Child;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Sqlite;

/// <summary>A real process under load is killed with SIGKILL, and the storage opened again: what it had acknowledged is there, and the guard finds nothing wrong.</summary>
public class CrashTests
{
    [Fact]
    public Task What_was_acknowledged_before_a_kill_is_there_afterwards() => KillAndCheckAsync(kills: 3, seed: 1);

    [Fact]
    [Trait("Suite", "Long")]
    public Task What_was_acknowledged_before_any_of_forty_kills_is_there_afterwards() => KillAndCheckAsync(kills: 40, seed: 2);

    [Fact]
    [Trait("Suite", "Long")]
    public async Task A_kill_while_opening_leaves_what_can_be_opened()
    {
        for (var delay = 0; delay < 40; delay++)
        {
            using var directory = new TemporaryDirectory();
            using (var child = new ChildProcess("load", directory.Path))
            {
                // From before the runtime has started to the first writes.
                await Task.Delay(10 * delay);
                await child.KillAsync();
            }
            await using var storage = await SqliteStorage.OpenAsync(Load.Options(directory.Path));
            await Load.VerifyAsync(storage);
            Assert.Empty(await storage.Ledger.VerifyAsync(Load.Store));
            await storage.Ledger.CreateStoreAsync(Load.Store, Load.Limit);
        }
    }

    private static async Task KillAndCheckAsync(int kills, int seed)
    {
        using var directory = new TemporaryDirectory();
        var spent = new PrivacyAmount[Load.Writers];
        for (var kill = 0; kill < kills; kill++)
        {
            var run = $"run{kill}";
            // When to kill: after 1 to 1,200 acknowledgements, spread without a pattern.
            var lines = await LoadAndKillAsync(directory.Path, run, acknowledgements: 1 + (seed * 7919 + kill * 104_729) % 1200);
            Assert.Contains(lines, line => line.StartsWith("charge ", StringComparison.Ordinal));
            await using var storage = await SqliteStorage.OpenAsync(Load.Options(directory.Path));
            // A crash at any moment is no finding: the witness is never ahead of what was committed.
            await Load.VerifyAsync(storage);
            await CheckAsync(storage, run, lines, spent);
        }
    }

    private static async Task<List<string>> LoadAndKillAsync(string directory, string run, int acknowledgements)
    {
        using var child = new ChildProcess("load", directory, run);
        Assert.Equal("open", await child.ReadLineAsync());
        var lines = new List<string>();
        while (lines.Count < acknowledgements)
            lines.Add(await child.ReadLineAsync());
        lines.AddRange(await child.KillAsync());
        return lines;
    }

    private static async Task CheckAsync(SqliteStorage storage, string run, List<string> lines, PrivacyAmount[] spentBefore)
    {
        Assert.Empty(await storage.Ledger.VerifyAsync(Load.Store));
        var acknowledged = new PrivacyAmount[Load.Writers];
        var rows = new Dictionary<string, (long Version, string Blob)>();
        foreach (var words in lines.Select(line => line.Split(' ')))
        {
            switch (words[0])
            {
                case "charge":
                    var (writer, number) = (int.Parse(words[1]), int.Parse(words[2]));
                    acknowledged[writer] += Load.Cost(number);
                    // Asked again, it is a replay: the charge is there, once.
                    var again = await storage.Ledger.ChargeAsync(Load.Store, Load.Account(writer), Load.Request(run, number), RequestFingerprint.Of([1]), Load.Cost(number));
                    Assert.True(Assert.IsType<LedgerDecision.Admitted>(again).IsReplay);
                    break;
                case "blob":
                    Assert.Equal(Load.Content(words[1]), await storage.Segments.ReadAsync(new BlobKey(Load.Store, BlobKind.Segment, words[1])));
                    break;
                default:
                    rows[$"row-{words[1]}"] = (long.Parse(words[2]), words[3]);
                    Assert.NotNull(await storage.Catalog.ReadAsync("segment", words[3]));
                    break;
            }
        }
        foreach (var (key, (version, blob)) in rows)
        {
            // The last change may have been made and not yet told.
            var row = (await storage.Catalog.ReadAsync("row", key))!;
            Assert.InRange(row.Version, version, version + 1);
            if (row.Version == version)
                Assert.Equal(blob, Encoding.UTF8.GetString(row.Content.Span));
        }
        for (var writer = 0; writer < Load.Writers; writer++)
        {
            var spent = (await storage.Ledger.ReadAccountAsync(Load.Store, Load.Account(writer)))?.Spent ?? PrivacyAmount.Zero;
            Assert.True((spentBefore[writer] + acknowledged[writer]).FitsIn(spent), "less is spent than was acknowledged");
            spentBefore[writer] = spent;
        }
        await CheckDirectoryAsync(storage);
    }

    /// <summary>Row and blob were committed together: no row without its blob, no gap in the log.</summary>
    private static async Task CheckDirectoryAsync(SqliteStorage storage)
    {
        var rows = await storage.Catalog.ListAsync("segment", "", null, int.MaxValue);
        var blobs = (await storage.Segments.ListAsync(Load.Store, BlobKind.Segment, "", null, int.MaxValue)).Select(info => info.Key.Id).ToHashSet();
        Assert.All(rows, row => Assert.Contains(row.Key, blobs));
        var log = await storage.Catalog.ListAuditAsync(0, int.MaxValue);
        Assert.Equal(rows.Count, log.Count);
        Assert.Equal(Enumerable.Range(1, log.Count).Select(i => (long)i), log.Select(line => line.Sequence));
    }
}
