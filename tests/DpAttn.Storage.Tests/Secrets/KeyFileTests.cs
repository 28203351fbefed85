using System.Runtime.Versioning;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Secrets;

public sealed class KeyFileTests : IDisposable
{
    private static readonly string KeyA = Convert.ToBase64String([.. Enumerable.Range(0, 32).Select(i => (byte)i)]);
    private static readonly string KeyB = Convert.ToBase64String([.. Enumerable.Range(32, 32).Select(i => (byte)i)]);

    private readonly TemporaryDirectory _directory = new();

    private string Path => _directory.File("keys");

    public void Dispose() => _directory.Dispose();

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void A_key_file_is_made_once_for_its_owner_only_and_never_overwritten()
    {
        var made = KeyFile.LoadOrCreate(Path);
        var content = File.ReadAllText(Path);

        Assert.Equal(made.Current, KeyFile.LoadOrCreate(Path).Current);
        Assert.Equal(made.Current, KeyFile.Load(Path).Current);
        Assert.Equal(content, File.ReadAllText(Path));
        Assert.Equal(Path, Assert.Single(Directory.GetFiles(_directory.Path)));
        Assert.SkipWhen(OperatingSystem.IsWindows(), "file modes are those of Unix");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path));
    }

    [Fact]
    public void Two_key_files_hold_different_keys()
    {
        var secret = new byte[] { 1, 2, 3 };
        var wrapped = new SecretProtector(KeyFile.LoadOrCreate(Path)).Protect(secret, "p");
        Assert.Throws<StorageRefusedException>(() => new SecretProtector(KeyFile.LoadOrCreate(_directory.File("others"))).Unprotect(wrapped, "p"));
        Assert.Equal(secret, new SecretProtector(KeyFile.Load(Path)).Unprotect(wrapped, "p"));
    }

    [Fact]
    public void Many_that_make_it_at_once_all_get_the_same_key()
    {
        // Often, since who comes between looking and naming is a matter of luck.
        for (var round = 0; round < 100; round++)
        {
            File.Delete(Path);
            var rings = new KeyRing[16];
            using var together = new Barrier(4);
            Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
            {
                together.SignalAndWait(TimeSpan.FromSeconds(1));
                for (var j = i; j < rings.Length; j += 4)
                    rings[j] = KeyFile.LoadOrCreate(Path);
            });
            Assert.All(rings, ring => Assert.Equal(rings[0].Current, ring.Current));
            Assert.Single(Directory.GetFiles(_directory.Path));
        }
    }

    [Fact]
    public void A_key_added_is_current_and_the_older_ones_stay()
    {
        var first = KeyFile.LoadOrCreate(Path);
        var wrapped = new SecretProtector(first).Protect([7], "p");
        var before = File.ReadAllText(Path);

        var second = KeyFile.AddKey(Path);

        Assert.NotEqual(first.Current, second.Current);
        Assert.Equal([first.Current, second.Current], second.Ids);
        Assert.Equal([7], new SecretProtector(second).Unprotect(wrapped, "p"));
        Assert.StartsWith(before, File.ReadAllText(Path));
        Assert.Equal(second.Current, KeyFile.Load(Path).Current);
    }

    [Theory]
    [UnsupportedOSPlatform("windows")]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.GroupWrite)]
    public void A_key_file_that_others_may_use_is_refused(UnixFileMode others)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "file modes are those of Unix");
        KeyFile.LoadOrCreate(Path);
        File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | others);

        foreach (var action in new Func<string, KeyRing>[] { KeyFile.LoadOrCreate, KeyFile.Load, KeyFile.AddKey })
        {
            var failure = Assert.Throws<StorageRefusedException>(() => action(Path));
            Assert.Contains(Path, failure.Message);
            Assert.Contains("0600", failure.Message);
        }
    }

    [Theory]
    [InlineData(0x180, 1000u, 1000u, true)] // 0600
    [InlineData(0x100, 0u, 1654u, true)] // 0400
    [InlineData(0x120, 0u, 1654u, true)] // 0440: a secret that root gives to a group
    [InlineData(0x1a0, 0u, 1654u, true)] // 0640
    [InlineData(0x1a0, 0u, 0u, false)]
    [InlineData(0x1a0, 1654u, 1654u, false)]
    [InlineData(0x1a0, 1000u, 1654u, false)]
    [InlineData(0x1a0, null, 1654u, false)]
    [InlineData(0x1b0, 0u, 1654u, false)] // 0660
    [InlineData(0x1a8, 0u, 1654u, false)] // 0650
    [InlineData(0x1a4, 0u, 1654u, false)] // 0644
    [InlineData(0x182, 0u, 1654u, false)] // 0602
    public void Only_roots_files_may_be_read_by_a_group_and_only_for_others_than_root(int mode, uint? owner, uint self, bool isPrivate) =>
        Assert.Equal(isPrivate, KeyFile.IsPrivate((UnixFileMode)mode, owner, self));

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void Owners_are_told_past_links_as_the_system_tells_them()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the owner is asked for on Linux only");
        KeyFile.LoadOrCreate(Path);
        Assert.Equal(FileOwner.Self, FileOwner.Of(Path));
        Assert.Equal(0u, FileOwner.Of("/proc/1/status"));
        Assert.Null(FileOwner.Of(Path + ".missing"));
        File.CreateSymbolicLink(Path + ".link", "/proc/version");
        Assert.Equal(0u, FileOwner.Of(Path + ".link"));
    }

    [Fact]
    public void Keys_are_read_in_order_past_comments_and_the_last_is_current()
    {
        Write($"# a comment\na {KeyA}\n# another\nb {KeyB}\n");
        var ring = KeyFile.Load(Path);
        Assert.Equal("b", ring.Current);
        Assert.Equal(["a", "b"], ring.Ids);
    }

    public static TheoryData<string, string> Malformed => new()
    {
        { "", "incomplete line" },
        { "# nothing but a comment\n", "no key" },
        { $"a {KeyA}", "incomplete line" },
        { $"a {KeyA}\nb {KeyB[..20]}", "incomplete line" },
        { $"a {KeyA}\nb {KeyB[..20]}\n", "line 2" },
        { $"a {KeyA}\n\n", "line 2" },
        { $"a {KeyA}\na {KeyB}\n", "twice" },
        { $"{KeyA}\n", "line 1" },
        { $"a  {KeyA}\n", "line 1" },
        { $"A {KeyA}\n", "line 1" },
        { $"{new string('a', 33)} {KeyA}\n", "line 1" },
        { $"a {Convert.ToBase64String(new byte[31])}\n", "line 1" },
        { $"a {Convert.ToBase64String(new byte[33])}\n", "line 1" },
        { $"a {KeyA}\r\n", "line 1" },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void A_malformed_key_file_is_refused_by_its_line_and_never_repeats_it(string content, string what)
    {
        Write(content);
        var failure = Assert.Throws<StorageRefusedException>(() => KeyFile.LoadOrCreate(Path));
        Assert.Contains(what, failure.Message);
        Assert.Contains(Path, failure.Message);
        Assert.DoesNotContain(KeyA, failure.Message);
        Assert.Throws<StorageRefusedException>(() => KeyFile.AddKey(Path));
        Assert.Equal(content, File.ReadAllText(Path));
    }

    [Fact]
    public void A_missing_file_or_directory_is_refused_by_name()
    {
        Assert.Contains(Path, Assert.Throws<StorageRefusedException>(() => KeyFile.Load(Path)).Message);
        Assert.Throws<StorageRefusedException>(() => KeyFile.AddKey(Path));
        Assert.Throws<StorageRefusedException>(() => KeyFile.LoadOrCreate(_directory.File("missing/keys")));
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path));
    }

    private void Write(string content)
    {
        File.WriteAllText(Path, content);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
