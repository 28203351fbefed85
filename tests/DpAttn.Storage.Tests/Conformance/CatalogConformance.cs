namespace DpAttn.Storage.Tests.Conformance;

/// <summary>What a catalog must do, whatever database it stands on.</summary>
public abstract class CatalogConformance : StorageConformance
{
    private static readonly BlobKey Blob = new(Store, BlobKind.Segment, "batch 1");

    [Fact]
    public async Task A_row_is_made_changed_and_removed_under_its_version()
    {
        Assert.Null(await Catalog.ReadAsync("store", "name"));

        Assert.True(await WriteAsync("store", "name", 0, 1, 2));
        AssertRow(await Catalog.ReadAsync("store", "name"), 1, 1, 2);
        Assert.True(await WriteAsync("store", "name", 1, 3));
        AssertRow(await Catalog.ReadAsync("store", "name"), 2, 3);
        await Storage.RestartAsync();
        AssertRow(await Catalog.ReadAsync("store", "name"), 2, 3);
        Assert.True(await Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("store", "name", 2, null)] }));
        Assert.Null(await Catalog.ReadAsync("store", "name"));
        Assert.True(await WriteAsync("store", "name", 0, 4));
        AssertRow(await Catalog.ReadAsync("store", "name"), 1, 4);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_change_of_another_version_is_not_made(long expected)
    {
        await WriteAsync("store", "name", 0, 1);
        await WriteAsync("store", "name", 1, 2);

        Assert.False(await WriteAsync("store", "name", expected, 9));
        Assert.False(await Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("store", "name", expected, null)] }));

        AssertRow(await Catalog.ReadAsync("store", "name"), 2, 2);
    }

    [Fact]
    public async Task Changes_are_made_together_or_not_at_all()
    {
        await Segments.PutAsync(Blob, new byte[1]);
        await WriteAsync("a", "kept", 0, 1);
        await WriteAsync("a", "stale", 0, 1);
        CatalogWrite[] good = [new("a", "kept", 1, new byte[] { 2 }), new("a", "new", 0, new byte[] { 2 }), new("b", "new", 0, new byte[] { 2 })];
        AuditEvent[] audit = [new("a.change", "operator", null, null, null)];

        CatalogCommit[] bad =
        [
            new() { Writes = [.. good, new CatalogWrite("a", "stale", 2, new byte[] { 3 })], DeletedBlobs = [Blob], Audit = audit },
            new() { Writes = [.. good, new CatalogWrite("a", "stale", 0, new byte[] { 3 })], DeletedBlobs = [Blob], Audit = audit },
            new() { Writes = good, Assertions = [new CatalogAssertion("a", "stale", 2)], DeletedBlobs = [Blob], Audit = audit },
            new() { Writes = good, Assertions = [new CatalogAssertion("a", "stale", 0)], DeletedBlobs = [Blob], Audit = audit },
            new() { Writes = good, Assertions = [new CatalogAssertion("a", "missing", 1)], DeletedBlobs = [Blob], Audit = audit },
            new() { Writes = good, RequiredBlobs = [Blob with { Id = "missing" }], DeletedBlobs = [Blob], Audit = audit },
            new() { Writes = good, RequiredBlobs = [Blob with { Id = "missing", Part = 1 }], DeletedBlobs = [Blob], Audit = audit },
        ];
        foreach (var commit in bad)
            Assert.False(await Catalog.CommitAsync(commit));

        AssertRow(await Catalog.ReadAsync("a", "kept"), 1, 1);
        Assert.Null(await Catalog.ReadAsync("a", "new"));
        Assert.Null(await Catalog.ReadAsync("b", "new"));
        Assert.NotNull(await Segments.ReadAsync(Blob));
        Assert.Empty(await Catalog.ListAuditAsync(0, 10));

        var kept = Blob with { Id = "kept", Part = 2 };
        await Segments.PutAsync(kept, new byte[1]);
        Assert.True(await Catalog.CommitAsync(new CatalogCommit
        {
            Writes = good,
            Assertions = [new("a", "stale", 1), new("a", "missing", 0), new("a", "kept", 1)],
            RequiredBlobs = [kept],
            DeletedBlobs = [Blob],
            Audit = audit,
        }));
        AssertRow(await Catalog.ReadAsync("a", "kept"), 2, 2);
        AssertRow(await Catalog.ReadAsync("b", "new"), 1, 2);
        Assert.Null(await Segments.ReadAsync(Blob));
        Assert.Single(await Catalog.ListAuditAsync(0, 10));
    }

    [Fact]
    public async Task A_removed_blob_goes_with_all_its_parts()
    {
        await Segments.PutAsync(Blob, new byte[1]);
        await Segments.PutAsync(Blob with { Part = 1 }, new byte[1]);
        Assert.True(await Catalog.CommitAsync(new CatalogCommit { DeletedBlobs = [Blob with { Part = 1 }, Blob with { Id = "never there" }] }));
        Assert.Empty(await Segments.ListAsync(Store, BlobKind.Segment, "", null, 10));
    }

    [Fact]
    public async Task A_directory_never_names_a_blob_that_was_swept()
    {
        // A committer and a sweeper race for each blob: either it is named and there, or it is gone and not named.
        for (var i = 0; i < 50; i++)
        {
            var blob = Blob with { Id = $"batch {i}" };
            var name = $"segment {i}";
            await Segments.PutAsync(blob, new byte[1]);
            var commit = Task.Run(() => Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("segment", name, 0, new byte[1])], RequiredBlobs = [blob] }));
            var sweep = Task.Run(() => Storage.Other.Catalog.CommitAsync(new CatalogCommit { Assertions = [new CatalogAssertion("segment", name, 0)], DeletedBlobs = [blob] }));
            Assert.True(await commit ^ await sweep);
            Assert.Equal(await Catalog.ReadAsync("segment", name) is null, await Segments.ReadAsync(blob) is null);
        }
    }

    [Fact]
    public async Task Of_writers_racing_for_a_version_exactly_one_wins()
    {
        await WriteAsync("counter", "c", 0, 0);
        var won = 0;
        var tasks = new Task[16];
        Parallel.For(0, tasks.Length, i => tasks[i] = Task.Run(async () =>
        {
            var catalog = i % 2 == 0 ? Catalog : Storage.Other.Catalog;
            for (var attempt = 0; attempt < 25; attempt++)
            {
                var row = (await catalog.ReadAsync("counter", "c"))!;
                var next = BitConverter.GetBytes(row.Version);
                if (await catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("counter", "c", row.Version, next)], Audit = [new AuditEvent("count", $"writer{i}", null, null, null)] }))
                    Interlocked.Increment(ref won);
            }
        }));
        await Task.WhenAll(tasks);

        var last = (await Catalog.ReadAsync("counter", "c"))!;
        Assert.Equal(won + 1, last.Version);
        Assert.Equal(last.Version - 1, BitConverter.ToInt64(last.Content.Span));
        Assert.Equal(Enumerable.Range(1, won).Select(i => (long)i), (await Catalog.ListAuditAsync(0, 1000)).Select(row => row.Sequence));
    }

    [Fact]
    public async Task A_read_that_begins_after_an_acknowledgement_sees_the_write()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(async () =>
        {
            for (var version = 0; version < 50; version++)
            {
                Assert.True(await WriteAsync("kind", $"row {writer}", version, (byte)version));
                AssertRow(await Storage.Other.Catalog.ReadAsync("kind", $"row {writer}"), version + 1, (byte)version);
                Assert.Equal(version + 1, (await Catalog.ListAsync("kind", $"row {writer}", null, 1)).Single().Version);
            }
        })));
    }

    [Fact]
    public async Task Of_writers_making_one_row_exactly_one_wins()
    {
        var tasks = new Task<bool>[32];
        Parallel.For(0, tasks.Length, i => tasks[i] = (i % 2 == 0 ? Catalog : Storage.Other.Catalog).CommitAsync(
            new CatalogCommit { Writes = [new CatalogWrite("name", "n", 0, new[] { (byte)i })] }));
        var won = await Task.WhenAll(tasks);
        AssertRow(await Catalog.ReadAsync("name", "n"), 1, (byte)Array.IndexOf(won, true));
        Assert.Single(won, true);
    }

    [Fact]
    public async Task Of_writers_changing_the_same_many_rows_exactly_one_wins()
    {
        var tasks = new Task<bool>[6];
        Parallel.For(0, tasks.Length, i => tasks[i] = (i % 2 == 0 ? Catalog : Storage.Other.Catalog).CommitAsync(new CatalogCommit
        {
            // Each in an order of its own, and some of them few enough to be locked one by one.
            Writes = [.. Enumerable.Range(0, i < 3 ? 300 : 50).OrderBy(row => (row * 37 + i * 11) % 301).Select(row => new CatalogWrite("many", $"{row}", 0, new[] { (byte)i }))],
        }));
        var won = await Task.WhenAll(tasks);
        Assert.Single(won, true);
        var winner = Array.IndexOf(won, true);
        var rows = await Catalog.ListAsync("many", "", null, 1000);
        Assert.Equal(winner < 3 ? 300 : 50, rows.Count);
        Assert.All(rows, row => AssertRow(row, 1, (byte)winner));
    }

    [Fact]
    public async Task A_listing_is_in_ordinal_order_by_prefix_and_pages_through_all()
    {
        string[] keys = ["a", "B", "a/2", "a/10", "a/1", "a0", "ab", "~", "a/1/x", "é", "日本"];
        foreach (var key in keys)
            await WriteAsync("kind", key, 0, (byte)key.Length);
        await WriteAsync("kind2", "a/3", 0, 1);
        await WriteAsync("kin", "a/3", 0, 1);

        foreach (var prefix in new[] { "", "a", "a/", "a/1", "c", "~", "é" })
        {
            var listed = new List<CatalogRow>();
            while (await Catalog.ListAsync("kind", prefix, listed.LastOrDefault()?.Key, 2) is { Count: > 0 } page)
            {
                Assert.InRange(page.Count, 1, 2);
                listed.AddRange(page);
            }
            Assert.Equal(keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal), listed.Select(row => row.Key));
            Assert.All(listed, row => AssertRow(row, 1, (byte)row.Key.Length));
        }
    }

    [Fact]
    public async Task A_listing_may_go_on_after_a_key_before_its_prefix()
    {
        await WriteAsync("kind", "b1", 0, 1);
        Assert.Single(await Catalog.ListAsync("kind", "b", "a", 10));
        Assert.Empty(await Catalog.ListAsync("kind", "b", "c", 10));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100_000)]
    [InlineData(4 << 20)]
    public async Task Content_of_any_length_up_to_4_MiB_is_kept(int bytes)
    {
        var content = new byte[bytes];
        for (var i = 0; i < bytes; i++)
            content[i] = (byte)(i * 7);
        Assert.True(await Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("kind", "key", 0, content)] }));
        Assert.Equal(content, (await Catalog.ReadAsync("kind", "key"))!.Content.ToArray());
    }

    [Fact]
    public async Task What_is_committed_is_the_content_at_the_time_of_the_call()
    {
        var buffer = new byte[] { 1, 2, 3 };
        var commit = Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("kind", "key", 0, buffer)] });
        Array.Clear(buffer);
        Assert.True(await commit);
        AssertRow(await Catalog.ReadAsync("kind", "key"), 1, 1, 2, 3);
    }

    [Fact]
    public async Task The_audit_log_counts_without_gaps_and_keeps_everything()
    {
        Storage.Now = new DateTimeOffset(2033, 1, 2, 3, 4, 5, 678, 901, TimeSpan.Zero);
        var first = new AuditEvent("key.create", "account-1", Store, "key-9", "role=owner");
        var second = new AuditEvent("key.revoke", "account-1", null, null, null);
        Assert.True(await Catalog.CommitAsync(new CatalogCommit { Audit = [first, second] }));
        Assert.False(await Catalog.CommitAsync(new CatalogCommit { Assertions = [new CatalogAssertion("k", "k", 5)], Audit = [second] }));
        await Storage.RestartAsync();
        Storage.Now += TimeSpan.FromSeconds(1);
        Assert.True(await Catalog.CommitAsync(new CatalogCommit { Audit = [first] }));

        var log = await Catalog.ListAuditAsync(0, 10);
        Assert.Equal([new(1, Storage.Now - TimeSpan.FromSeconds(1), first), new(2, Storage.Now - TimeSpan.FromSeconds(1), second), new AuditRow(3, Storage.Now, first)], log);
        Assert.Equal(log.Skip(1).Take(1), await Catalog.ListAuditAsync(1, 1));
        Assert.Empty(await Catalog.ListAuditAsync(3, 10));
    }

    [Fact]
    public async Task An_empty_change_is_made()
    {
        Assert.True(await Catalog.CommitAsync(new CatalogCommit()));
        // Removing what must not be there asserts that it is not.
        Assert.True(await Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite("kind", "key", 0, null)] }));
        Assert.Empty(await Catalog.ListAuditAsync(0, 10));
    }

    [Fact]
    public async Task A_change_that_contradicts_itself_or_its_bounds_is_refused()
    {
        var row = new CatalogWrite("kind", "key", 0, new byte[1]);
        CatalogCommit[] commits =
        [
            new() { Writes = [row, row with { Content = null }] },
            new() { RequiredBlobs = [Blob], DeletedBlobs = [Blob with { Part = 3 }] },
            new() { Writes = [row with { Kind = "" }] },
            new() { Writes = [row with { Key = "" }] },
            new() { Writes = [row with { Key = "a\nb" }] },
            new() { Writes = [row with { Key = "a\ud800b" }] },
            new() { Writes = [row with { Key = new string('k', 513) }] },
            new() { Writes = [row with { Kind = new string('k', 65) }] },
            new() { Writes = [row with { ExpectedVersion = -1 }] },
            new() { Writes = [row with { Content = new byte[(4 << 20) + 1] }] },
            new() { Writes = [.. Enumerable.Range(0, 5).Select(i => row with { Key = $"{i}", Content = new byte[4 << 20] })] },
            new() { Assertions = [new CatalogAssertion("kind", "", 0)] },
            new() { Assertions = [new CatalogAssertion("kind", "key", -1)] },
            new() { RequiredBlobs = [Blob with { Id = "" }] },
            new() { DeletedBlobs = [Blob with { Id = "" }] },
            new() { Audit = [new AuditEvent("", "actor", null, null, null)] },
            new() { Audit = [new AuditEvent("action", "line\nbreak", null, null, null)] },
        ];
        foreach (var commit in commits)
            await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Catalog.CommitAsync(commit));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Catalog.ReadAsync("kind", ""));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Catalog.ListAsync("kind", "", null, 0));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Catalog.ListAuditAsync(0, 0));
        Assert.Empty(await Catalog.ListAsync("kind", "", null, 10));
    }

    private Task<bool> WriteAsync(string kind, string key, long expected, params byte[] content) =>
        Catalog.CommitAsync(new CatalogCommit { Writes = [new CatalogWrite(kind, key, expected, content)] });

    private static void AssertRow(CatalogRow? row, long version, params byte[] content)
    {
        Assert.NotNull(row);
        Assert.Equal(version, row.Version);
        Assert.Equal(content, row.Content.ToArray());
    }
}
