using System.Security.Cryptography;
using System.Text;
using DpAttn.Privacy;

namespace DpAttn.Storage.Child;

/// <summary>Writers that go on until the process is killed. A line is written only after the acknowledgement that it tells.</summary>
public static class Load
{
    public const int Writers = 8;

    public static readonly StoreId Store = new("store");

    public static readonly PrivacyLimit Limit = new(new Epsilon(4), new Delta(1e-5));

    public static AccountId Account(int writer) => new($"account-{writer}");

    public static RequestId Request(string run, int number) => new($"{run}-{number}");

    public static PrivacyAmount Cost(int number) => new(number + 1, number % 3);

    /// <summary>The content of a blob, a function of its id, so that a reader knows it.</summary>
    public static byte[] Content(string id)
    {
        var seed = SHA256.HashData(Encoding.UTF8.GetBytes(id));
        var content = new byte[1 + seed[0] * 300];
        for (var i = 0; i < content.Length; i++)
            content[i] = (byte)(seed[i % seed.Length] + i);
        return content;
    }

    /// <summary>The storage in a directory's part, and its witness in another.</summary>
    public static SqliteStorageOptions Options(string directory) =>
        new() { Directory = Path.Combine(directory, "data"), WitnessDirectory = Path.Combine(directory, "witness") };

    /// <summary>Lets the guard verify all of it.</summary>
    /// <exception cref="InvalidDataException">It found something.</exception>
    public static async Task VerifyAsync(SqliteStorage storage)
    {
        await storage.Guard.StartAsync();
        await storage.Guard.VerifyPendingAsync(report =>
        {
            if (report.Reason is { } reason)
                throw new InvalidDataException($"a false alarm: {reason}");
        });
    }

    public static async Task RunAsync(SqliteStorage storage, string run)
    {
        await storage.Ledger.CreateStoreAsync(Store, Limit);
        for (var writer = 0; writer < Writers; writer++)
            await storage.Ledger.SetLimitAsync(Store, Account(writer), Limit);
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(() => WriteAsync(storage, run, writer))));
    }

    private static async Task WriteAsync(SqliteStorage storage, string run, int writer)
    {
        var version = (await storage.Catalog.ReadAsync("row", $"row-{writer}"))?.Version ?? 0;
        for (var number = 0; ; number++)
        {
            var decision = await storage.Ledger.ChargeAsync(Store, Account(writer), Request(run, number), RequestFingerprint.Of([1]), Cost(number));
            if (!decision.IsAdmitted)
                throw new InvalidOperationException("the load was refused");
            Tell($"charge {writer} {number}");
            if (number % 4 == 0)
            {
                var blob = new BlobKey(Store, BlobKind.Segment, $"{run}-{writer}-{number}");
                await storage.Segments.PutAsync(blob, Content(blob.Id));
                Tell($"blob {blob.Id}");
                if (!await storage.Catalog.CommitAsync(new CatalogCommit
                {
                    Writes = [new CatalogWrite("row", $"row-{writer}", version, Encoding.UTF8.GetBytes(blob.Id)), new CatalogWrite("segment", blob.Id, 0, new byte[] { 1 })],
                    RequiredBlobs = [blob],
                    Audit = [new AuditEvent("segment.commit", "child", Store, blob.Id, null)],
                }))
                {
                    throw new InvalidOperationException("nobody else writes this row");
                }
                Tell($"row {writer} {++version} {blob.Id}");
            }
        }
    }

    private static void Tell(string line)
    {
        lock (Console.Out)
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
    }
}
