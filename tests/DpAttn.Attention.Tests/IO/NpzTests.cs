using System.IO.Compression;
using System.Text;
using DpAttn.Attention.IO;

namespace DpAttn.Attention.Tests;

public class NpzTests
{
    // numpy.savez_compressed(keys=float32, values=float64 in Fortran order) by NumPy 1.24.
    private const string FromNumpy =
        "UEsDBBQAAAAIAAAAIQCqJgCWXgAAAJgAAAAIABQAa2V5cy5ucHkBABAAmAAAAAAAAABeAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoX"
        + "ZyQWpAL5GkY6CsaaOgq1CmQDLgaGA/YMDAIHmlb8NmdgaHDY7mwVyABkAABQSwMEFAAAAAgAAAAhAG33WAlkAAAAsAAAAAoAFAB2YWx1ZXMubnB5AQAQALAAAAAAAAAAZAAAAAAAAACb7Bfq"
        + "GxDJyFDGUK2eklqcXKRupaBuk2ahrqOgnpZfVFKUmBefX5SSChIPKSpNBQoXZyQWpAK5GkY6CsaaOgq1CuQDLgYw+GEPoQUcIDTTASDxosxD3SlTNtRXoPS/HUScoQEAUEsBAhQDFAAAAAgA"
        + "AAAhAKomAJZeAAAAmAAAAAgAAAAAAAAAAAAAAIABAAAAAGtleXMubnB5UEsBAhQDFAAAAAgAAAAhAG33WAlkAAAAsAAAAAoAAAAAAAAAAAAAAIABmAAAAHZhbHVlcy5ucHlQSwUGAAAAAAIA"
        + "AgBuAAAAOAEAAAAA";

    [Fact]
    public void An_archive_that_numpy_wrote_is_read()
    {
        var arrays = Npz.Read(new MemoryStream(Convert.FromBase64String(FromNumpy)), "x.npz");
        Assert.Equal(["keys", "values"], arrays.Keys.Order());
        Assert.Equal([1.5f, -2.25f, 3e-5f, 4, 5e10f, -0f], arrays["keys"].Single!.Data);
        Assert.Equal([1.5, -2.25, 3e-5, 4, 5e10, -0.0], arrays["values"].Double!.Data);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_written_is_read_back(bool compress)
    {
        FloatMatrix a = new(new Matrix<float>(2, 2, [1, 2, 3, float.NaN])), b = new(new Matrix<double>(1, 3, [4, -0.0, 1e300]));
        using var written = new MemoryStream();
        Npz.Write(written, [new("a", a), new("b", b)], compress);
        written.Position = 0;
        var read = Npz.Read(written, "x.npz");
        Assert.Equal(a.Single!.Data, read["a"].Single!.Data);
        Assert.Equal(b.Double!.Data, read["b"].Double!.Data);
    }

    /// <summary>The framework does not compare checksums: a bit that flips in a stored member would be read as another number.</summary>
    [Fact]
    public void A_flipped_bit_in_a_stored_member_is_refused()
    {
        using var written = new MemoryStream();
        Npz.Write(written, [new("a", new FloatMatrix(new Matrix<double>(2, 2, [1, 2, 3, 4])))]);
        var bytes = written.ToArray();
        var number = bytes.AsSpan().IndexOf(BitConverter.GetBytes(3.0));
        Assert.True(number > 0);
        bytes[number] ^= 1;
        var refused = Assert.Throws<NpyFormatException>(() => Npz.Read(new MemoryStream(bytes), "x.npz"));
        Assert.Contains("not a whole .npz archive", refused.Message);
    }

    [Fact]
    public void A_bomb_whose_small_header_hides_a_flood_is_stopped_behind_the_array()
    {
        // 64 MiB of zeros behind two numbers.
        var bomb = Archive(("k.npy", NpyFiles.Make("<f4", "(2,)", new byte[64 << 20])));
        Assert.True(bomb.Length < 1 << 20);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("more bytes follow the array", Assert.Throws<NpyFormatException>(() => Npz.Read(new MemoryStream(bomb), "bomb.npz")).Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact]
    public void A_bomb_whose_header_is_honest_is_stopped_by_the_cap_on_all_members_together()
    {
        var member = NpyFiles.Make("<f4", "(262144,)", new byte[1 << 20]);
        var bomb = Archive([.. Enumerable.Range(0, 8).Select(i => ($"m{i}.npy", member))]);
        var limits = new NpyLimits { DataBytes = 4 << 20 };
        var error = Assert.Throws<NpyFormatException>(() => Npz.Read(new MemoryStream(bomb), "bomb.npz", limits));
        Assert.Equal("bomb.npz, member 'm4': the header announces 262144 float32 (262144 elements, 1048576 bytes); at most 2147483591 elements and 0 bytes are allowed", error.Message);
        Assert.Equal(8, Npz.Read(new MemoryStream(bomb), "x", limits with { DataBytes = 8 << 20 }).Count);
    }

    [Fact]
    public void Too_many_members_and_names_that_stand_twice_are_refused()
    {
        var small = NpyFiles.Make("<f4", "(1,)", new byte[4]);
        var many = Archive([.. Enumerable.Range(0, 65).Select(i => ($"m{i}.npy", small))]);
        Assert.Equal("x.npz: the archive has 65 members; at most 64 are allowed", Assert.Throws<NpyFormatException>(() => Npz.Read(new MemoryStream(many), "x.npz")).Message);
        var twice = Archive(("a.npy", small), ("a.npy", small));
        Assert.Equal("x.npz: member 'a' stands twice", Assert.Throws<NpyFormatException>(() => Npz.Read(new MemoryStream(twice), "x.npz")).Message);
    }

    [Fact]
    public void A_bad_member_is_named_and_its_name_cannot_forge_a_line_of_a_log()
    {
        var archive = Archive(("a\nINFO all is well.npy", NpyFiles.Make("|O", "(1,)", new byte[8])));
        Assert.StartsWith("x.npz, member 'a?INFO all is well': dtype '|O' is not supported", Assert.Throws<NpyFormatException>(() => Npz.Read(new MemoryStream(archive), "x.npz")).Message);
        archive = Archive(("readme.txt", Encoding.ASCII.GetBytes("hello, this is no array")));
        Assert.StartsWith("x.npz, member 'readme.txt': this is not a .npy file", Assert.Throws<NpyFormatException>(() => Npz.Read(new MemoryStream(archive), "x.npz")).Message);
    }

    [Fact]
    public void What_is_no_archive_or_ends_early_is_refused_wherever_it_ends()
    {
        var whole = Convert.FromBase64String(FromNumpy);
        for (var length = 0; length < whole.Length; length++)
            Assert.Equal("x.npz: this is not a whole .npz archive", Assert.Throws<NpyFormatException>(() => Npz.Read(new MemoryStream(whole[..length]), "x.npz")).Message);
        Assert.Throws<NpyFormatException>(() => Npz.Read(new MemoryStream(NpyFiles.Make("<f4", "(1,)", new byte[4])), "x.npz"));
    }

    private static byte[] Archive(params (string Name, byte[] Bytes)[] members)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, bytes) in members)
            {
                using var content = archive.CreateEntry(name, CompressionLevel.Fastest).Open();
                content.Write(bytes);
            }
        }
        return stream.ToArray();
    }
}
