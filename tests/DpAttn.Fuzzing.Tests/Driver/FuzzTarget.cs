using System.Text;

namespace DpAttn.Fuzzing.Tests;

/// <summary>Something that reads bytes from outside.</summary>
internal sealed record FuzzTarget
{
    /// <summary>Its name: part of every case's number.</summary>
    public required string Name { get; init; }

    /// <summary>What it must read.</summary>
    public required IReadOnlyList<byte[]> Seeds { get; init; }

    /// <summary>Reads a case, and touches all that came of it. True when it was taken, false when it was refused by a result instead of an exception.</summary>
    public required Func<byte[], bool> Read { get; init; }

    /// <summary>The refusals that its documentation names; every other exception is a crash.</summary>
    public required IReadOnlyList<Type> Refusals { get; init; }

    /// <summary>Looks into a refusal that is documented for some of its forms only.</summary>
    public Func<Exception, bool> IsRefusal { get; init; } = _ => true;

    /// <summary>Words of the format.</summary>
    public IReadOnlyList<string> Tokens { get; init; } = [];

    /// <summary>The most bytes that may be allocated for each byte that comes in.</summary>
    public int BytesPerByte { get; init; } = 32;

    /// <summary>The most bytes that may be allocated however little comes in: buffers, caps of the reader, texts of exceptions.</summary>
    public long BytesAtMost { get; init; } = 1 << 20;

    /// <summary>Whether it works on other threads too, so that the process's allocations are counted.</summary>
    public bool IsThreaded { get; init; }

    /// <summary>Its share of all cases, by its speed.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>Puts a mutated piece into a whole, with the right checksums, so that what is behind them is reached.</summary>
    public Func<byte[], byte[]> Wrap { get; init; } = bytes => bytes;

    /// <summary>What a case may allocate.</summary>
    public long CapOf(int length) => BytesAtMost + (long)BytesPerByte * length;

    /// <summary>The bytes of a case.</summary>
    public byte[] Case(ulong run, long number) => Case(new Mutator(Seeds, [.. Tokens.Select(Encoding.UTF8.GetBytes)]), run, number);

    /// <summary>The same with a mutator of this target. The first two cases are a seed as it is, which has to be taken, and one that was cut in half.</summary>
    public byte[] Case(Mutator mutator, ulong run, long number) => Wrap(number switch
    {
        0 => Seeds[0],
        1 => Seeds[0][..(Seeds[0].Length / 2)],
        _ => mutator.Make(FuzzRandom.Of(Name, run, number)),
    });

    public override string ToString() => Name;
}
