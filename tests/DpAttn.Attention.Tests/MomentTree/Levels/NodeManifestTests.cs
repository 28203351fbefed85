using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>What a node's noise is bound to: everything that it may meet, and nothing that another node has.</summary>
public class NodeManifestTests
{
    private static readonly MomentTreeParameters Tree = Create(capacity: 100, blockRows: 8);
    private static readonly ContinualFrame Frame = FrameOf(Tree, 2, 7);
    private static readonly BlockManifest[] Blocks = [.. Enumerable.Range(0, 13).Select(i => new BlockManifest(i, 8 * i, i < 12 ? 8 : 4, SHA256.HashData([(byte)i])))];

    /// <summary>The derivation as it is written down, put together here byte by byte. Stored secrets depend on it.</summary>
    [Fact]
    public void The_digests_and_the_key_are_those_of_the_written_derivation()
    {
        var left = NodeManifest.Of(Frame, Blocks[2]);
        var right = NodeManifest.Of(Frame, Blocks[3]);
        var leaf = Hash("dpattn node manifest 1", Frame.Digest.ToArray(), 18L, 8L, "block", 2L, 16L, 8L, SHA256.HashData([2]));
        Assert.Equal(leaf, left.Digest.ToArray());
        var parent = NodeManifest.Of(left, right);
        var joined = Hash("dpattn node manifest 1", Frame.Digest.ToArray(), 9L, 16L, "joined", leaf, right.Digest.ToArray());
        Assert.Equal(joined, parent.Digest.ToArray());
        Assert.Equal((9L, 16L), (parent.Node, parent.Slots));
        // A full store of 13 blocks: nothing lies to the right of block 12.
        var last = NodeManifest.Of(Frame, Blocks[12]);
        Assert.Equal(Hash("dpattn node manifest 1", Frame.Digest.ToArray(), 14L, 4L, "joined", last.Digest.ToArray(), Array.Empty<byte>()), NodeManifest.Of(last, null).Digest.ToArray());

        long[] expected = new long[5], actual = new long[5];
        var address = new NoiseAddress(MomentRelease.Mechanism, 0, 9, Frame.Ladder.Tiers[0].Increment);
        new KeyedNoise(ReleaseKey.Derive(ContinualPipeline.Secret(1), joined)).Fill(address, expected);
        new KeyedNoise(parent.Key(ContinualPipeline.Secret(1))).Fill(address, actual);
        Assert.Equal(expected, actual);
        Assert.Throws<ArgumentException>(() => parent.Key(new byte[31]));
    }

    /// <summary>Frozen: what a frame and the manifest of a tree released at once hash. Stored releases depend on it. Calibration goes through the platform's exp and erfc.</summary>
    [Fact]
    public void The_digests_of_a_frame_and_of_a_whole_tree_are_those_of_every_build_before()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64, "the record is one of x64 on Linux");
        var tree = MomentTreeParameters.Create(Tree.Moments, 8);
        var ladder = tree.Calibrate([new Epsilon(0.5), new Epsilon(2)], TestRows.Delta);
        Assert.Equal("BC6EBBF9F77685640B57B0BCEF1F96EE", Convert.ToHexString(Frame.Digest)[..32]);
        Assert.Equal("0FBC168A7B01826E764F679CD55F3A3A", Convert.ToHexString(MomentManifest.Digest(tree, ladder, 100, SHA256.HashData([1])))[..32]);
    }

    [Fact]
    public void Whatever_differs_gives_another_digest()
    {
        var frames = new[]
        {
            Frame, FrameOf(Tree, 2, 8), FrameOf(Tree, 2.5, 7), FrameOf(Create(101, 8), 2, 7), FrameOf(Create(100, 4), 2, 7), FrameOf(Create(100, 8, dv: 3), 2, 7),
            FrameOf(MomentTreeParameters.Create(Tree.Moments, 8, true, SlotFilling.PublicSchedule), 2, 7),
        };
        var blocks = new[]
        {
            new BlockManifest(0, 0, 4, new byte[32]), new BlockManifest(1, 0, 4, new byte[32]), new BlockManifest(0, 1, 4, new byte[32]),
            new BlockManifest(0, 0, 3, new byte[32]), new BlockManifest(0, 0, 4, SHA256.HashData([])),
        };
        var digests = frames.SelectMany(frame => blocks.Select(block => Convert.ToHexString(NodeManifest.Of(frame, block).Digest))).ToList();
        // A parent with one child, and with two, and the child itself.
        var (left, right) = (NodeManifest.Of(Frame, Blocks[4]), NodeManifest.Of(Frame, Blocks[5]));
        digests.AddRange(new[] { left, right, NodeManifest.Of(left, right), NodeManifest.Of(left, null), NodeManifest.Of(NodeManifest.Of(left, right), null) }.Select(node => Convert.ToHexString(node.Digest)));
        Assert.Equal(digests.Count, digests.Distinct().Count());
    }

    [Fact]
    public void Nodes_that_are_no_siblings_and_blocks_that_do_not_fit_are_refused()
    {
        var nodes = Blocks.Select(block => NodeManifest.Of(Frame, block)).ToArray();
        foreach (var (left, right) in new[] { (1, 2), (3, 2), (0, 0), (0, 3) })
            Refused("a node joins its left and its right child of one release", () => NodeManifest.Of(nodes[left], nodes[right]));
        Refused("a node joins its left and its right child of one release", () => NodeManifest.Of(nodes[1], null));
        Refused("a node joins its left and its right child of one release", () => NodeManifest.Of(nodes[0], NodeManifest.Of(FrameOf(Tree, 2, 8), Blocks[1])));
        Refused("a node joins its left and its right child of one release", () => NodeManifest.Of(NodeManifest.Of(FrameOf(Create(8, 8), 2, 7), Blocks[0]), null));
        Refused("block 16 with 1 slots after 0 does not fit 16 blocks of 8 and a capacity of 100", () => NodeManifest.Of(Frame, new BlockManifest(16, 0, 1, new byte[32])));
        Refused("does not fit", () => NodeManifest.Of(Frame, new BlockManifest(3, 0, 9, new byte[32])));
        Refused("does not fit", () => NodeManifest.Of(Frame, new BlockManifest(3, 97, 4, new byte[32])));
        Refused("does not fit", () => NodeManifest.Of(Frame, new BlockManifest(3, long.MaxValue, 4, new byte[32])));
        Refused("block", () => new BlockManifest(-1, 0, 1, new byte[32]));
        Refused("firstSlot", () => new BlockManifest(0, -1, 1, new byte[32]));
        Refused("slots", () => new BlockManifest(0, 0, 0, new byte[32]));
        Refused("a digest of rows has 32 bytes, not 33", () => new BlockManifest(0, 0, 1, new byte[33]));
        Refused("the name of a release has 32 bytes, not 0", () => new ContinualFrame(Tree, Frame.Ladder, []));
        Refused("do not state that rows keep arriving", () => new ContinualFrame(MomentTreeParameters.Create(Tree.Moments, 8), Frame.Ladder, new byte[32]));
    }

    [Fact]
    public void A_store_is_full_at_its_capacity_or_with_its_last_block()
    {
        Assert.True(Frame.IsLast(Blocks[12]));
        Assert.False(Frame.IsLast(Blocks[11]));
        Assert.True(Frame.IsLast(new BlockManifest(15, 20, 2, new byte[32])));
        Assert.True(Frame.IsLast(new BlockManifest(13, 99, 1, new byte[32])));
        Assert.True(Blocks[3].IsSame(new BlockManifest(3, 24, 8, SHA256.HashData([3]))));
        Assert.False(Blocks[3].IsSame(new BlockManifest(3, 24, 7, SHA256.HashData([3]))));
        Assert.False(Blocks[3].IsSame(new BlockManifest(3, 24, 8, SHA256.HashData([4]))));
    }

    [Fact]
    public void A_digest_of_rows_names_every_bit_of_them_and_no_bit_of_a_null_slot()
    {
        var (keys, values) = TestRows.Make(TestRows.BallSchema(3, 2, 9), 9, 1);
        string Digest(Action<Matrix<double>, Matrix<double>>? change = null, bool[]? isNull = null, bool clip = false)
        {
            var (k, v) = (new Matrix<double>(9, 3, [.. keys.Data]), new Matrix<double>(9, 2, [.. values.Data]));
            change?.Invoke(k, v);
            return Convert.ToHexString(RowDigest.Of(RowSet.Create(k, v, isNull), clip));
        }
        bool[] third = [false, false, true, false, false, false, false, false, false];
        string[] different =
        [
            Digest(), Digest(clip: true), Digest((k, _) => k[8, 2] = Math.BitIncrement(k[8, 2])), Digest((_, v) => v[0, 0] = -v[0, 0]), Digest(isNull: third),
            Digest((k, _) => (k[0, 0], k[1, 0]) = (k[1, 0], k[0, 0])), Convert.ToHexString(RowDigest.Of(RowSet.Create(keys, values).Slice(0, 8))),
        ];
        Assert.Equal(different.Length, different.Distinct().Count());
        Assert.Equal(Digest(isNull: third), Digest((k, v) => (k[2, 1], v[2, 0]) = (double.NaN, 99), third));
        // What float32 holds is widened exactly: the same rows, the same digest, however they came.
        var floats = new Matrix<float>(9, 3, [.. keys.Data.ToArray().Select(x => (float)x)]);
        var widened = new Matrix<double>(9, 3, [.. floats.Data.ToArray().Select(x => (double)x)]);
        Assert.Equal(RowDigest.Of(RowSet.Create(floats, values)), RowDigest.Of(RowSet.Create(widened, values)));
    }

    private static MomentTreeParameters Create(long capacity, int blockRows, int dv = 2) =>
        MomentTreeParameters.Create(MomentParameters.Create(TestRows.BallSchema(3, dv, capacity), 2), blockRows, isContinual: true);

    private static ContinualFrame FrameOf(MomentTreeParameters tree, double epsilon, int name) =>
        new(tree, tree.Calibrate([new Epsilon(epsilon)], TestRows.Delta), ContinualPipeline.Secret(name));

    /// <summary>SHA-256 of fields that each follow their length in eight little-endian bytes.</summary>
    private static byte[] Hash(params object[] fields)
    {
        var bytes = new List<byte>();
        foreach (var field in fields)
        {
            var number = new byte[8];
            if (field is long value)
                BinaryPrimitives.WriteInt64LittleEndian(number, value);
            var content = field switch { string text => Encoding.UTF8.GetBytes(text), byte[] digest => digest, _ => number };
            bytes.AddRange(BitConverter.GetBytes((long)content.Length));
            bytes.AddRange(content);
        }
        return SHA256.HashData([.. bytes]);
    }

    private static void Refused(string message, Action act) => Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(act).Message);
}
