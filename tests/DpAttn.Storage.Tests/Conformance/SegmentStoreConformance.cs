using System.Security.Cryptography;

namespace DpAttn.Storage.Tests.Conformance;

/// <summary>What a store of blobs must do, whatever database it stands on.</summary>
public abstract class SegmentStoreConformance : StorageConformance
{
    private static readonly BlobKey Key = new(Store, BlobKind.Segment, "batch 1");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5000)]
    [InlineData(ISegmentStore.LargestBlobBytes)]
    public async Task What_is_read_is_what_was_stored(int bytes)
    {
        var content = Content(bytes, 1);
        Storage.Now = new DateTimeOffset(2033, 1, 2, 3, 4, 5, 678, 901, TimeSpan.Zero);

        var info = await Segments.PutAsync(Key, content);

        Assert.Equal((Key, bytes, Storage.Now), (info.Key, info.Bytes, info.Written));
        Assert.Equal(SHA256.HashData(content), info.Digest.ToArray());
        Assert.Equal(content, await Segments.ReadAsync(Key));
        await Storage.RestartAsync();
        Assert.Equal(content, await Segments.ReadAsync(Key));
        AssertSame(info, Assert.Single(await Segments.ListAsync(Store, BlobKind.Segment, "", null, 10)));
    }

    [Fact]
    public async Task A_blob_over_the_limit_is_refused_and_not_stored()
    {
        var failure = await Assert.ThrowsAsync<ArgumentException>(async () => await Segments.PutAsync(Key, new byte[ISegmentStore.LargestBlobBytes + 1]));
        Assert.Contains("4194304", failure.Message);
        Assert.Null(await Segments.ReadAsync(Key));
    }

    [Fact]
    public async Task A_blob_is_never_overwritten_and_the_second_writer_learns_of_the_first()
    {
        var first = await Segments.PutAsync(Key, Content(100, 1));
        Storage.Now += TimeSpan.FromHours(1);

        AssertSame(first, await Segments.PutAsync(Key, Content(100, 1)));
        AssertSame(first, await Segments.PutAsync(Key, Content(70, 2)));

        Assert.Equal(Content(100, 1), await Segments.ReadAsync(Key));
    }

    [Fact]
    public async Task Many_writers_of_one_key_all_learn_of_the_same_winner()
    {
        var tasks = new Task<BlobInfo>[32];
        Parallel.For(0, 32, i => tasks[i] = (i % 2 == 0 ? Segments : Storage.Other.Segments).PutAsync(Key, Content(1000 + i, (byte)i)));
        var infos = await Task.WhenAll(tasks);

        Assert.All(infos, info => AssertSame(infos[0], info));
        Assert.Equal(infos[0].Digest.ToArray(), SHA256.HashData((await Segments.ReadAsync(Key))!));
    }

    [Fact]
    public async Task What_is_stored_is_the_content_at_the_time_of_the_call()
    {
        var buffer = Content(100_000, 1);
        var put = Segments.PutAsync(Key, buffer);
        Array.Clear(buffer);
        await put;
        Assert.Equal(Content(100_000, 1), await Segments.ReadAsync(Key));
    }

    [Fact]
    public async Task Keys_differ_by_store_kind_id_and_part()
    {
        BlobKey[] keys =
        [
            Key, Key with { Store = OtherStore }, Key with { Kind = BlobKind.Node }, Key with { Id = "batch 2" }, Key with { Id = "Batch 1" }, Key with { Part = 1 },
        ];
        for (var i = 0; i < keys.Length; i++)
            await Segments.PutAsync(keys[i], new[] { (byte)i });
        for (var i = 0; i < keys.Length; i++)
            Assert.Equal((byte)i, Assert.Single((await Segments.ReadAsync(keys[i]))!));
    }

    [Fact]
    public async Task A_listing_is_in_the_order_of_id_and_part_and_pages_through_all()
    {
        string[] ids = ["a", "B", "a~", "ab", "a b", "0", "~", "aa"];
        int[] parts = [10, 2, 0, 1];
        foreach (var id in ids)
        {
            foreach (var part in parts)
                await Segments.PutAsync(new BlobKey(Store, BlobKind.Node, id, part), new[] { (byte)part });
        }
        await Segments.PutAsync(new BlobKey(Store, BlobKind.Segment, "a"), new byte[1]);
        await Segments.PutAsync(new BlobKey(OtherStore, BlobKind.Node, "a"), new byte[1]);

        foreach (var prefix in new[] { "", "a", "a ", "b", "a~", "~" })
        {
            var listed = new List<BlobKey>();
            BlobKey? after = null;
            while (await Segments.ListAsync(Store, BlobKind.Node, prefix, after, 3) is { Count: > 0 } page)
            {
                Assert.InRange(page.Count, 1, 3);
                listed.AddRange(page.Select(info => info.Key));
                after = page[^1].Key;
            }
            var expected = ids.Where(id => id.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal)
                .SelectMany(id => parts.Order().Select(part => new BlobKey(Store, BlobKind.Node, id, part)));
            Assert.Equal(expected, listed);
        }
    }

    [Fact]
    public async Task A_prefix_is_text_and_no_pattern()
    {
        foreach (var id in new[] { "a%", "a_", "ab", "a*", "a?" })
            await Segments.PutAsync(Key with { Id = id }, new byte[1]);
        foreach (var prefix in new[] { "a%", "a_", "a*", "a?" })
            Assert.Equal(prefix, Assert.Single(await Segments.ListAsync(Store, BlobKind.Segment, prefix, null, 10)).Key.Id);
    }

    [Fact]
    public async Task A_listing_may_go_on_after_a_key_before_its_prefix()
    {
        await Segments.PutAsync(Key with { Id = "b1" }, new byte[1]);
        Assert.Single(await Segments.ListAsync(Store, BlobKind.Segment, "b", Key with { Id = "a" }, 10));
        Assert.Empty(await Segments.ListAsync(Store, BlobKind.Segment, "b", Key with { Id = "c" }, 10));
    }

    [Fact]
    public async Task Deleting_removes_all_parts_of_one_blob_and_nothing_else()
    {
        for (var part = 0; part < 3; part++)
        {
            await Segments.PutAsync(Key with { Part = part }, new byte[] { 1 });
            await Segments.PutAsync(Key with { Id = "batch 11", Part = part }, new byte[] { 2 });
        }
        await Segments.DeleteAsync(Store, BlobKind.Segment, Key.Id);
        await Segments.DeleteAsync(Store, BlobKind.Segment, "never there");

        Assert.Equal(["batch 11", "batch 11", "batch 11"], (await Segments.ListAsync(Store, BlobKind.Segment, "", null, 10)).Select(info => info.Key.Id));
        Assert.Null(await Segments.ReadAsync(Key));
        // The key is free again.
        Assert.Equal(5, (await Segments.PutAsync(Key, new byte[5])).Bytes);
    }

    [Fact]
    public async Task Deleting_a_store_removes_its_blobs_only()
    {
        foreach (var kind in Enum.GetValues<BlobKind>())
        {
            await Segments.PutAsync(new BlobKey(Store, kind, "x"), new byte[1]);
            await Segments.PutAsync(new BlobKey(OtherStore, kind, "x"), new byte[1]);
        }
        await Segments.DeleteStoreAsync(Store);
        foreach (var kind in Enum.GetValues<BlobKind>())
        {
            Assert.Empty(await Segments.ListAsync(Store, kind, "", null, 10));
            Assert.Single(await Segments.ListAsync(OtherStore, kind, "", null, 10));
        }
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("bätch", 0)]
    [InlineData("a\nb", 0)]
    [InlineData("a\0b", 0)]
    [InlineData("fine", -1)]
    public async Task A_bad_key_is_refused(string id, int part) =>
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Segments.PutAsync(Key with { Id = id, Part = part }, new byte[1]));

    [Fact]
    public async Task A_bad_kind_length_or_page_is_refused()
    {
        await Segments.PutAsync(Key with { Id = new string('x', 200) }, new byte[1]);
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Segments.PutAsync(Key with { Id = new string('x', 201) }, new byte[1]));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Segments.PutAsync(Key with { Kind = (BlobKind)99 }, new byte[1]));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Segments.ReadAsync(Key with { Id = null! }));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Segments.ListAsync(Store, BlobKind.Segment, "", null, 0));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Segments.ListAsync(Store, BlobKind.Segment, "", Key with { Store = OtherStore }, 1));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Segments.ListAsync(Store, BlobKind.Segment, "", Key with { Kind = BlobKind.Node }, 1));
        await Assert.ThrowsAnyAsync<InvalidOperationException>(async () => await Segments.ReadAsync(Key with { Store = default }));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(ISegmentStore.LargestBlobBytes, 1)]
    [InlineData(ISegmentStore.LargestBlobBytes + 1, 2)]
    [InlineData(2 * ISegmentStore.LargestBlobBytes, 2)]
    public async Task Content_of_any_length_is_stored_in_parts_and_read_back(int bytes, int parts)
    {
        var content = Content(bytes, 3);
        Assert.True(await Segments.PutPartsAsync(Store, BlobKind.ShardSums, "sums", content));
        Assert.Equal(parts, (await Segments.ListAsync(Store, BlobKind.ShardSums, "sums", null, 10)).Count);
        Assert.Equal(content, await Segments.ReadPartsAsync(Store, BlobKind.ShardSums, "sums", bytes));
    }

    [Fact]
    public async Task Parts_that_are_missing_or_of_another_length_are_refused()
    {
        var content = Content(ISegmentStore.LargestBlobBytes + 10, 3);
        Assert.Null(await Segments.ReadPartsAsync(Store, BlobKind.ShardSums, "sums", content.Length));
        await Segments.PutAsync(new BlobKey(Store, BlobKind.ShardSums, "sums"), content.AsMemory(0, ISegmentStore.LargestBlobBytes));
        await Assert.ThrowsAsync<StorageCorruptException>(() => Segments.ReadPartsAsync(Store, BlobKind.ShardSums, "sums", content.Length));
        Assert.True(await Segments.PutPartsAsync(Store, BlobKind.ShardSums, "sums", content));
        await Assert.ThrowsAsync<StorageCorruptException>(() => Segments.ReadPartsAsync(Store, BlobKind.ShardSums, "sums", content.Length + 1));
        await Assert.ThrowsAsync<StorageCorruptException>(() => Segments.ReadPartsAsync(Store, BlobKind.ShardSums, "sums", content.Length - 1));
    }

    [Fact]
    public async Task A_writer_whose_parts_would_mix_with_anothers_is_told()
    {
        await Segments.PutAsync(new BlobKey(Store, BlobKind.Node, "n"), Content(ISegmentStore.LargestBlobBytes, 1));
        Assert.False(await Segments.PutPartsAsync(Store, BlobKind.Node, "n", Content(ISegmentStore.LargestBlobBytes + 1, 2)));
    }

    private static byte[] Content(int bytes, byte seed)
    {
        var content = new byte[bytes];
        for (var i = 0; i < bytes; i++)
            content[i] = (byte)(seed + i * 31 + (i >> 8));
        return content;
    }

    private static void AssertSame(BlobInfo expected, BlobInfo actual)
    {
        Assert.Equal((expected.Key, expected.Bytes, expected.Written), (actual.Key, actual.Bytes, actual.Written));
        Assert.Equal(expected.Digest.ToArray(), actual.Digest.ToArray());
    }
}
