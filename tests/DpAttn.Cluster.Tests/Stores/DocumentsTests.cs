using System.Text;
using DpAttn.Contracts;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>Documents of version 1 are read by every later version, and what cannot be read is refused.</summary>
public class DocumentsTests
{
    private static readonly DateTimeOffset Then = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static readonly StoreDefinition Definition = new()
    {
        KeyDimension = 2,
        ValueDimension = 1,
        Keys = new RegionBound(new BallBound(1, [0.5, 0])),
        Queries = new RegionBound(Box: new BoxBound([-1], [1, 2])),
        Values = new ValueBoundStatement(Entry: 3),
        Scale = 0.25,
        Adjacency = "add-remove",
        Mechanism = new MechanismDefinition("moment-tree", 3, "taylor"),
        Delta = 1e-7,
        Ladder = [0.5, 1],
        Limit = 4,
        Capacity = 1000,
        PublicRows = 900,
        Shards = 7,
    };

    private static readonly StoreDocument Store = new()
    {
        Name = "s",
        Incarnation = "0123456789abcdef0123456789abcdef",
        Owner = "owner",
        Definition = Definition,
        State = StoreDocument.Active,
        Created = Then,
        Slots = 10,
        ErasedSlots = 1,
        Batches = 2,
        NextSegment = 3,
        NextRelease = 4,
    };

    private static readonly ReleaseDocument Release = new()
    {
        Id = "r000003",
        State = ReleaseDocument.Published,
        Request = "p1",
        Created = Then,
        Slots = 10,
        Ladder = [0.5, 1],
        SegmentsBelow = 3,
        Manifest = new string('a', 64),
        ManifestBytes = 321,
        NoiseBinding = new string('b', 64),
        Secret = "AAAA",
        Nodes = [new NodeDocument("n0", 24, new string('c', 64)), new NodeDocument("n1", 24, new string('d', 64))],
        Failure = "because",
    };

    private static readonly ReleaseManifest Manifest = new()
    {
        Salt = new string('e', 64),
        Incarnation = Store.Incarnation,
        Release = "r000003",
        Definition = Definition,
        Ladder = [0.5, 1],
        SamplerVersion = 1,
        Slots = 10,
        Segments = [new ManifestSegment("b-00000", 0, 4, new string('f', 64)), new ManifestSegment("b-00001-e0", 1, 6, new string('0', 64))],
    };

    private static readonly ContinualState Continual = new()
    {
        FrozenBlocks = 2,
        FrozenSlots = 8,
        NextSegment = 3,
        NextRow = 2,
        SlotsTaken = 1,
        ReleasedBlocks = 1,
        ReleasedSlots = 4,
        Closing = new BlockClosing(2, 4, 10),
    };

    private static readonly BlockContent Content = new()
    {
        Salt = new string('e', 64),
        Incarnation = Store.Incarnation,
        Release = "r000003",
        Block = 1,
        FirstSlot = 4,
        Slots = 4,
        Pieces = [new FrozenPiece(0, 0, 4, 2, 1, new string('f', 64)), new FrozenPiece(1, 1, 0, 3, 3, new string('0', 64))],
    };

    [Fact]
    public void Documents_of_version_1_are_written_and_read_as_ever()
    {
        Check("store-1.json", Documents.Store, Store);
        Check("store-per-query-1.json", Documents.Store, Store with { Definition = Definition with { Mechanism = new MechanismDefinition("per-query") }, Erasures = 5, Secret = "AAAA" });
        Check("store-distance-1.json", Documents.Store, Store with { Definition = Definition with { Mechanism = new MechanismDefinition("distance-tree", 2, null, 0.1, 1024, 3) } });
        Check("store-levels-1.json", Documents.Store, Store with { Definition = Definition with { Mechanism = new MechanismDefinition("moment-tree", 3, "taylor", Levels: "all", BlockRows: 64) } });
        Check("release-levels-1.json", Documents.Release, Release with { Blocks = 5, Secret = null, Failure = null });
        Check("release-1.json", Documents.Release, Release);
        Check("release-distance-1.json", Documents.Release, Release with { Nodes = [], Sums = [new NodeDocument("s0", 24, new string('c', 64)), new NodeDocument("s1", 24, new string('d', 64))], Failure = null });
        Check("store-continual-1.json", Documents.Store, Store with { Definition = Definition with { Mechanism = new MechanismDefinition(Degree: 2, Kernel: "minimax", Levels: "all", BlockRows: 4, Continual: true, Slots: "public-schedule") } });
        Check("release-continual-1.json", Documents.Release, Release with { Slots = 0, SegmentsBelow = 0, Nodes = [], Failure = null, Continual = Continual });
        Check("block-1.json", Documents.Block, new BlockDocument { Block = 1, FirstSlot = 4, Slots = 4, Content = new string('a', 64), ContentBytes = 321 });
        Check("batch-1.json", Documents.Batch, new BatchDocument { Batch = "b", Fingerprint = "f", FirstSlot = 1, Slots = 2, FirstSegment = 3, Segments = 4 });
        Check("segment-1.json", Documents.Segment, new SegmentDocument { Blob = "b-00000", Shard = 1, FirstRow = 2, Rows = 3, Slots = 4, Bytes = 5, Digest = "d" });
        Check("key-1.json", Documents.Key, new KeyDocument { Id = "i", Hash = "h", Account = "a", Role = "user", CreatedBy = "o", Created = Then, Revoked = Then });
        Check("name-1.json", Documents.Name, new NameDocument("i"));
        Check("job-1.json", Documents.Job, new JobDocument("i", "r000001"));
        Check("account-1.json", Documents.Account, new AccountDocument("a", Then));
    }

    [Fact]
    public void A_blocks_content_of_version_1_has_the_bytes_that_its_digest_was_taken_of()
    {
        Golden.Require("block-content-1.json", Content.ToBytes());
        var bytes = Golden.Bytes("block-content-1.json");
        var read = BlockContent.Parse(bytes, 1, ReleaseManifest.IdOf(bytes));
        Assert.Equal(bytes, read.ToBytes());
        Assert.Equal(Content.Pieces, read.Pieces);
        Assert.Throws<StorageCorruptException>(() => BlockContent.Parse(null, 1, ReleaseManifest.IdOf(bytes)));
        Assert.Throws<StorageCorruptException>(() => BlockContent.Parse(bytes, 1, new string('0', 64)));
        Assert.Throws<StorageCorruptException>(() => BlockContent.Parse(bytes, 2, ReleaseManifest.IdOf(bytes)));
        foreach (var broken in new[] { "null"u8.ToArray(), "{}"u8.ToArray(), "x"u8.ToArray(), (Content with { Format = 2 }).ToBytes() })
            Assert.Throws<StorageCorruptException>(() => BlockContent.Parse(broken, 1, ReleaseManifest.IdOf(broken)));
        Assert.Equal(("r000003", 1), BlockContent.ParseBlobId(BlockContent.BlobId("r000003", 1, new string('a', 64))));
        Assert.Null(BlockContent.ParseBlobId(new string('b', 64)));
    }

    /// <summary>A release's noise hangs on it: a salt that changed would draw other noise for a block that is frozen again.</summary>
    [Fact]
    public void The_salt_of_a_block_is_a_function_of_secret_and_block()
    {
        var secret = Enumerable.Range(0, 32).Select(i => (byte)i).ToArray();
        Assert.Equal(BlockContent.SaltOf(secret, 7), BlockContent.SaltOf(secret, 7));
        Assert.Equal(64, BlockContent.SaltOf(secret, 7).Length);
        Assert.Equal(3, new[] { BlockContent.SaltOf(secret, 7), BlockContent.SaltOf(secret, 8), BlockContent.SaltOf(new byte[32], 7) }.Distinct().Count());
    }

    [Fact]
    public void A_manifest_of_version_1_has_the_bytes_that_its_digest_was_taken_of()
    {
        Golden.Require("manifest-1.json", Manifest.ToBytes());
        var read = ReleaseManifest.Parse(Golden.Bytes("manifest-1.json"), ReleaseManifest.IdOf(Golden.Bytes("manifest-1.json")));
        Assert.Equal(Manifest.ToBytes(), read.ToBytes());
        Assert.Equal(Manifest.Segments, read.Segments);
    }

    [Fact]
    public void Members_that_a_later_version_adds_are_passed_over()
    {
        var later = Encoding.UTF8.GetString(Golden.Bytes("name-1.json")).Replace("}", ",\"later\":{\"a\":[1]}}");
        Assert.Equal(new NameDocument("i"), Documents.Name.Parse(new CatalogRow("name", "k", 1, Encoding.UTF8.GetBytes(later))));
    }

    /// <summary>In a cluster that changes its version an older silo rewrites rows of newer ones: whatever it changes, what it does not know stays, at every depth. For what is erased see <see cref="ErasedMembersTests"/>.</summary>
    [Fact]
    public void Members_that_a_later_version_added_outlive_a_change_by_this_one()
    {
        const string Later = ",\"later\":{\"a\":[1]}}";
        var written = Encoding.UTF8.GetString(Golden.Bytes("release-continual-1.json")).Replace("}", Later);
        var read = Read(Documents.Release, written);
        var changed = Encoding.UTF8.GetString(Documents.Release.Update(read, read.Value with { Secret = null, Continual = Continual with { FrozenBlocks = 3 } }).Content!.Value.Span);
        Assert.Equal(Count(written, Later), Count(changed, Later));
        Assert.Contains("\"frozenBlocks\":3", changed);
        // What it does know is as it wrote it: what it took out is gone.
        Assert.DoesNotContain("\"secret\"", changed);

        // Lists keep what belonged to an element that is still there, and nothing of one that is not.
        written = Encoding.UTF8.GetString(Golden.Bytes("release-distance-1.json")).Replace("}", Later);
        read = Read(Documents.Release, written);
        var sums = read.Value.Sums!;
        Assert.Equal(Count(written, Later), Count(Updated(read, read.Value with { Failure = "f" }), Later));
        Assert.Equal(Count(written, Later) - 1, Count(Updated(read, read.Value with { Sums = [sums[0], sums[1] with { Bytes = 9 }] }), Later));
        Assert.Equal(Count(written, Later) - 1, Count(Updated(read, read.Value with { Sums = [sums[0]] }), Later));
        Assert.Equal(Count(written, Later) - 2, Count(Updated(read, read.Value with { Sums = null }), Later));

        // A definition that knows more stays what it is.
        written = Encoding.UTF8.GetString(Golden.Bytes("store-levels-1.json")).Replace("}", Later);
        var store = Read(Documents.Store, written);
        Assert.Equal(Count(written, Later), Count(Encoding.UTF8.GetString(Documents.Store.Update(store, store.Value with { Slots = 11 }).Content!.Value.Span), Later));

        static Versioned<T> Read<T>(DocumentKind<T> kind, string content)
            where T : class
        {
            var row = new CatalogRow(kind.Name, "k", 7, Encoding.UTF8.GetBytes(content));
            return new Versioned<T>(kind.Parse(row), row);
        }

        static string Updated(Versioned<ReleaseDocument> read, ReleaseDocument next) => Encoding.UTF8.GetString(Documents.Release.Update(read, next).Content!.Value.Span);

        static int Count(string text, string part) => text.Split(part).Length - 1;
    }

    [Fact]
    public void Elements_of_a_list_keep_what_a_later_version_gave_them_wherever_they_go()
    {
        NodeDocument Node(string blob) => new(blob, 24, new string('c', 64));
        NodeDocument[] nodes = [Node("a"), Node("b"), Node("b"), Node("c")];
        var content = System.Text.Json.Nodes.JsonNode.Parse(Documents.Release.ToBytes(Release with { Nodes = nodes }).Span)!;
        for (var i = 0; i < nodes.Length; i++)
            content["nodes"]![i]!["later"] = i;
        var row = new CatalogRow("release", "k", 7, Encoding.UTF8.GetBytes(content.ToJsonString()));
        var read = new Versioned<ReleaseDocument>(Documents.Release.Parse(row), row);

        int?[] Kept(params NodeDocument[] next) =>
            [.. System.Text.Json.Nodes.JsonNode.Parse(Documents.Release.Update(read, read.Value with { Nodes = next }).Content!.Value.Span)!["nodes"]!.AsArray().Select(node => (int?)node!["later"])];
        Assert.Equal([0, 1, 2, 3], Kept(nodes));
        Assert.Equal([0, 1, 2, 3, null], Kept([.. nodes, Node("d")]));
        // Which of two equal ones is which nobody can know; none loses what it has.
        Assert.Equal([null, 0, 2, 1, 3], Kept([Node("d"), .. nodes]));
        Assert.Equal([3], Kept(nodes[3]));
        Assert.Equal([null, 1, 2, 0], Kept(Node("d"), nodes[1], nodes[2], nodes[0]));
        // No member twice, however many elements are alike.
        Assert.Equal([0, null], Kept(nodes[0], nodes[0]));
        // Of equal ones the one that stays in its place keeps its own.
        Assert.Equal([null, null, 2], Kept(Node("d"), Node("d"), nodes[2]));
    }

    [Fact]
    public void A_row_that_holds_nothing_new_is_written_as_ever()
    {
        var row = new CatalogRow("store", "k", 7, Golden.Bytes("store-1.json"));
        var write = Documents.Store.Update(new Versioned<StoreDocument>(Documents.Store.Parse(row), row), Store with { Slots = 11 });
        Assert.Equal(Documents.Store.ToBytes(Store with { Slots = 11 }).ToArray(), write.Content!.Value.ToArray());
        Assert.Equal(7, write.ExpectedVersion);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{\"name\":\"s\"}")]
    public void What_is_no_document_is_refused_with_its_kind_and_key(string content)
    {
        var row = new CatalogRow("store", "k", 1, Encoding.UTF8.GetBytes(content));
        Assert.Contains("the store row k", Assert.Throws<StorageCorruptException>(() => Documents.Store.Parse(row)).Message);
    }

    [Fact]
    public void A_document_of_a_newer_format_is_refused_and_not_guessed_at()
    {
        var newer = new CatalogRow("store", "k", 1, Documents.Store.ToBytes(Store with { Format = 2 }));
        Assert.Contains("format 2", Assert.Throws<StorageRefusedException>(() => Documents.Store.Parse(newer)).Message);
        var bytes = (Manifest with { Format = 2 }).ToBytes();
        Assert.Throws<StorageCorruptException>(() => ReleaseManifest.Parse(bytes, ReleaseManifest.IdOf(bytes)));
    }

    [Fact]
    public void Manifests_that_are_missing_changed_or_unreadable_are_refused()
    {
        var bytes = Manifest.ToBytes();
        Assert.Throws<StorageCorruptException>(() => ReleaseManifest.Parse(null, ReleaseManifest.IdOf(bytes)));
        Assert.Throws<StorageCorruptException>(() => ReleaseManifest.Parse(bytes, new string('0', 64)));
        foreach (var broken in new[] { "null"u8.ToArray(), "{}"u8.ToArray(), "x"u8.ToArray() })
            Assert.Throws<StorageCorruptException>(() => ReleaseManifest.Parse(broken, ReleaseManifest.IdOf(broken)));
    }

    private static void Check<T>(string name, DocumentKind<T> kind, T document)
        where T : class
    {
        var bytes = kind.ToBytes(document).ToArray();
        Golden.Require(name, bytes);
        Assert.Equal(bytes, kind.ToBytes(kind.Parse(new CatalogRow(kind.Name, "k", 1, Golden.Bytes(name)))).ToArray());
    }
}
