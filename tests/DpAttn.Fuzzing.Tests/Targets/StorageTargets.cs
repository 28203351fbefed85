using System.Buffers.Binary;
using System.Text;
using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Fuzzing.Tests;

/// <summary>What a storage gives back: segments, nodes, answers, documents, manifests, ledger entries and wrapped secrets.</summary>
internal static class StorageTargets
{
    private static readonly Type[] Corrupt = [typeof(StorageCorruptException), typeof(StorageRefusedException)];
    private static readonly SecretProtector Protector = new(new KeyRing([new("old", new byte[32]), new("new", [.. Enumerable.Range(0, 32).Select(i => (byte)i)])]));

    public static IEnumerable<FuzzTarget> All =>
    [
        new() { Name = "segment", Seeds = Segments, Tokens = ["DPAS"], Refusals = Corrupt, Read = bytes => ReadSegment(bytes), Weight = 3 },
        new() { Name = "node", Seeds = [NodeCodec.Encode([1, -2, long.MaxValue, long.MinValue, 0, 7], 9)], Tokens = ["DPAN"], Refusals = Corrupt, Read = bytes => NodeCodec.Decode(bytes, 6).Values.Length == 6, Weight = 3 },
        new() { Name = "answer", Seeds = [AnswerCodec.Encode(Answer)], Tokens = ["DPAA"], Refusals = Corrupt, Read = bytes => AnswerCodec.Decode(bytes, 2, 3).Outputs.Length == 6, Weight = 3 },
        new() { Name = "manifest", Seeds = [Manifest.ToBytes()], Tokens = [.. Pieces.JsonTokens, "\"format\":2", "\"segments\"", "\"salt\""], Refusals = Corrupt, BytesPerByte = 64, Read = bytes => ReleaseManifest.Parse(bytes, ReleaseManifest.IdOf(bytes)) is not null },
        Document(Documents.Store, new() { Name = "s", Incarnation = "i", Owner = "o", Definition = Definition, State = "active", Created = DateTimeOffset.UnixEpoch }),
        Document(Documents.Batch, new() { Batch = "b", Fingerprint = "00", FirstSlot = 0, Slots = 1, FirstSegment = 0, Segments = 1 }),
        Document(Documents.Segment, new() { Blob = "b-00000", Shard = 1, FirstRow = 0, Rows = 3, Slots = 3, Bytes = 99, Digest = "00" }),
        Document(Documents.Release, new()
        {
            Id = "r000001", State = "published", Created = DateTimeOffset.UnixEpoch, Slots = 3, Ladder = [1, 2], SegmentsBelow = 1, Manifest = "00", ManifestBytes = 3, NoiseBinding = "00", Nodes = [new("n", 1, "00")],
        }),
        Document(Documents.Key, new() { Id = "0123456789abcdef", Hash = "00", Account = "a", Role = "user", CreatedBy = "bootstrap", Created = DateTimeOffset.UnixEpoch }),
        Document(Documents.Block, new() { Block = 1, FirstSlot = 4, Slots = 4, Content = "00", ContentBytes = 3 }),
        Document(Documents.Job, new("i", "r000001")),
        new() { Name = "block-content", Seeds = [Content.ToBytes()], Tokens = [.. Pieces.JsonTokens, "\"format\":2", "\"pieces\"", "\"salt\""], Refusals = Corrupt, BytesPerByte = 64, Read = bytes => BlockContent.Parse(bytes, 1, ReleaseManifest.IdOf(bytes)) is not null },
        new() { Name = "ledger-entry", Seeds = Entries, Tokens = ["open", "charge", "store-limit", "account-limit", "acknowledgement", "\n"], Refusals = Corrupt, Read = ReadEntry, Weight = 3 },
        new() { Name = "wrapped-secret", Seeds = [Protector.Protect(new byte[32], "p")], Tokens = ["new", "old"], Refusals = Corrupt, Read = bytes => Protector.Unprotect(bytes, "p").Length == 32, Weight = 2 },
        KeyFileTarget(),
    ];

    private static StoreDefinition Definition { get; } = new()
    {
        KeyDimension = 3,
        ValueDimension = 2,
        Keys = new RegionBound(new BallBound(1)),
        Values = new ValueBoundStatement(Radius: 1),
        Ladder = [1],
        Limit = 4,
        Capacity = 1000,
    };

    private static ReleaseManifest Manifest { get; } = new()
    {
        Salt = new string('0', 64),
        Incarnation = "i",
        Release = "r000001",
        Definition = Definition,
        Ladder = [0.5, 1],
        SamplerVersion = 1,
        Slots = 3,
        Segments = [new("b-00000", 0, 3, new string('0', 64)), new("b-00001", 2, 3, new string('1', 64))],
    };

    private static BlockContent Content { get; } = new() { Salt = "00", Incarnation = "i", Release = "r000001", Block = 1, FirstSlot = 4, Slots = 4, Pieces = [new(0, 1, 2, 4, 4, "00")] };

    private static AnswerBatch Answer { get; } = new(3, new double[6], new double[6], new double[6], new double[6], new bool[6], [], 0.25);

    // Of replace-one, where erased rows are left out, and of add-remove, where they keep their place.
    private static StoreSchema[] Schemas { get; } =
    [
        .. new[] { "replace-one", "add-remove" }.Select(adjacency => Definitions.ToSchema(Definition with { Adjacency = adjacency, PublicRows = adjacency == "add-remove" ? 10 : null })),
    ];

    private static byte[][] Segments { get; } =
    [
        SegmentCodec.Encode(new RowBatch(new FloatMatrix(new Matrix<float>(5, 3)), new FloatMatrix(new Matrix<double>(5, 2)), [false, true, false, true, true]), 0, 5),
        SegmentCodec.Encode(new RowBatch(new FloatMatrix(new Matrix<double>(70, 3)), new FloatMatrix(new Matrix<float>(70, 2)), Clip: true), 0, 70),
        SegmentCodec.Encode(new RowBatch(new FloatMatrix(new Matrix<float>(1, 3)), new FloatMatrix(new Matrix<float>(1, 2)), [true]), 0, 1),
    ];

    private static bool ReadSegment(byte[] bytes)
    {
        var rows = SegmentCodec.CountRows(bytes);
        if (SegmentCodec.CountNulls(bytes) > rows)
            throw new InvalidOperationException("more rows are null than there are");
        foreach (var schema in Schemas)
        {
            if (SegmentCodec.Decode(bytes, schema).Rows is { } read && read.Count > rows)
                throw new InvalidOperationException("more rows are read than there are");
        }
        return SegmentCodec.CountRows(SegmentCodec.Erase(bytes, rows - 1)) == rows;
    }

    private static FuzzTarget Document<T>(DocumentKind<T> kind, T seed)
        where T : class => new()
        {
            Name = $"document-{kind.Name}",
            Seeds = [kind.ToBytes(seed).ToArray()],
            Tokens = [.. Pieces.JsonTokens, "\"format\":2", "\"format\":-1"],
            Refusals = Corrupt,
            BytesPerByte = 64,
            Weight = 0.5,
            Read = bytes => kind.Parse(new CatalogRow(kind.Name, "k", 1, bytes)) is not null,
        };

    // An entry as a database might give it back after damage: fixed fields, then texts.
    private static byte[][] Entries { get; } =
    [
        Entry(1, 0, 0, "charge", "request-1", null), Entry(7, 3, 1, "open", "request-2", "r000001"), Entry(2, -1, 0, "account-limit", null, null),
    ];

    private static byte[] Entry(long sequence, long tier, byte hasTier, string kind, string? request, string? release)
    {
        var bytes = new byte[8 * 6 + 2];
        long[] fields = [sequence, tier, 1L << 40, 5, 1L << 39, 1_700_000_000_000_000];
        for (var i = 0; i < fields.Length; i++)
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8 * i), fields[i]);
        bytes[48] = hasTier;
        bytes[49] = (byte)(request is null ? 0 : 32);
        return [.. bytes, .. Encoding.ASCII.GetBytes($"{kind}\n{request}\n{release}")];
    }

    private static bool ReadEntry(byte[] bytes)
    {
        Span<byte> fixedPart = stackalloc byte[50];
        bytes.AsSpan(0, Math.Min(bytes.Length, 50)).CopyTo(fixedPart);
        var texts = Encoding.Latin1.GetString(bytes.AsSpan(Math.Min(bytes.Length, 50))).Split('\n');
        string? Text(int i) => i < texts.Length && texts[i].Length > 0 ? texts[i] : null;
        var fields = new long[6];
        for (var i = 0; i < fields.Length; i++)
            fields[i] = BinaryPrimitives.ReadInt64LittleEndian(fixedPart[(8 * i)..]);
        var row = new EntryRow(fields[0], Text(0) ?? "", Text(1), fixedPart[49] == 0 ? null : new byte[fixedPart[49]], Text(2), fixedPart[48] == 0 ? null : fields[1], null, null, new PrivacyAmount(fields[2], fields[3]), new PrivacyAmount(fields[4], 0), fields[5]);
        return row.ToEntry("account").Entry.Sequence == row.Sequence;
    }

    private static FuzzTarget KeyFileTarget()
    {
        var directory = Directory.CreateTempSubdirectory("dpattn-fuzz-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(directory, recursive: true);
        var path = Path.Combine(directory, "dpattn.key");
        File.WriteAllText(path, "");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return new FuzzTarget
        {
            Name = "key-file",
            Seeds = [Pieces.Utf8($"# keys\nold {Convert.ToBase64String(new byte[32])}\nnew {Convert.ToBase64String(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray())}\n")],
            Tokens = ["# ", "\n", " ", "=", "AAAA", "old "],
            Refusals = Corrupt,
            Weight = 0.1,
            Read = bytes =>
            {
                File.WriteAllBytes(path, bytes);
                return KeyFile.Load(path).Ids.Count > 0;
            },
        };
    }
}
