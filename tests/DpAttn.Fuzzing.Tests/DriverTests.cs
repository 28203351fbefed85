using System.Buffers.Binary;
using System.Security.Cryptography;
using DpAttn.Storage;

namespace DpAttn.Fuzzing.Tests;

/// <summary>The companions: readers of the nodes' format that lack one check each are caught, each by its own rule, and the case that is named shows it again.</summary>
[Collection(nameof(FuzzTests))]
public class DriverTests
{
    private const int Cases = 20_000;

    private static FuzzTarget Good => FuzzTargets.Of("node");

    [Fact]
    public void A_reader_that_believes_a_length_is_caught_by_its_allocation()
    {
        // It refuses a short file as documented, after it has made room for what was announced.
        var failure = Caught(bytes =>
        {
            var values = new long[Math.Clamp(Field(bytes, 16), 0, 1 << 24)];
            return values.Length * 8L + 24 == bytes.Length ? values.Length > 0 : throw new StorageCorruptException("too short");
        });
        Assert.Contains("allocated", failure.Message);
    }

    [Fact]
    public void A_reader_that_reads_beyond_the_end_is_caught_by_its_exception()
    {
        var failure = Caught(bytes =>
        {
            var sum = 0L;
            for (var i = 0L; i < Math.Min(Field(bytes, 16), 1000); i++)
                sum += bytes[24 + 8 * i];
            return sum > long.MinValue;
        });
        Assert.Contains("IndexOutOfRangeException, which is not documented", failure.Message);
    }

    [Fact]
    public void A_reader_that_does_not_come_back_is_caught_by_the_deadline()
    {
        var stop = false;
        var failure = Caught(bytes =>
        {
            // Waits for the end to be met exactly.
            for (var at = 24L; at != bytes.Length && !Volatile.Read(ref stop); at += sizeof(long))
            {
            }
            return true;
        }, TimeSpan.FromSeconds(0.5));
        Volatile.Write(ref stop, true);
        Assert.Contains("did not come back", failure.Message);
    }

    [Fact]
    public void A_refusal_that_is_documented_for_some_of_its_forms_only_is_looked_into()
    {
        var target = Good with { Refusals = [typeof(Exception)], IsRefusal = e => e is not OverflowException, Read = bytes => checked((int)Field(bytes, 16)) >= 0 };
        Assert.Contains("OverflowException", Assert.Throws<FuzzFailureException>(() => FuzzDriver.Read(target, Cases, 0)).Message);
    }

    [Fact]
    public void A_seed_that_is_not_read_is_an_error() =>
        Assert.Contains("seed", Assert.Throws<FuzzFailureException>(() => FuzzDriver.Read(Good with { Seeds = [[1, 2, 3]] }, 10, 0)).Message);

    /// <summary>A number names the same bytes in every process and on every machine: what was found on one is looked at on another.</summary>
    [Fact]
    public void Cases_are_functions_of_their_numbers()
    {
        var target = new FuzzTarget { Name = "golden", Seeds = ["{\"a\":12}"u8.ToArray(), [.. Enumerable.Range(0, 100).Select(i => (byte)i)]], Tokens = ["null"], Refusals = [], Read = _ => true };
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var number = 0; number < 1000; number++)
            hash.AppendData(target.Case(3, number));
        Assert.Equal("447b166982c4fca5", Convert.ToHexStringLower(hash.GetHashAndReset())[..16]);
        Assert.NotEqual(target.Case(3, 50), target.Case(4, 50));
    }

    private static long Field(byte[] bytes, int at) => bytes.Length < at + 8 ? throw new StorageCorruptException("too short") : BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at));

    private static FuzzFailureException Caught(Func<byte[], bool> read, TimeSpan? deadline = null)
    {
        var failure = Assert.Throws<FuzzFailureException>(() => FuzzDriver.Read(Good with { Read = read }, Cases, 0, deadline));
        var named = failure.Message.Split($"{FuzzDriver.ReplayVariable}=node:")[1].Split('.')[0];
        Assert.Throws<FuzzFailureException>(() => FuzzDriver.Read(Good with { Read = read }, 1, 0, deadline, long.Parse(named)));
        // The product's own reader takes the same case as documented.
        FuzzDriver.Read(Good, 1, 0, first: long.Parse(named));
        return failure;
    }
}
