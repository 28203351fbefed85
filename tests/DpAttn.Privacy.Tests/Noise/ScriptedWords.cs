using System.Buffers.Binary;

namespace DpAttn.Privacy.Tests;

/// <summary>A stream of words that a test writes down; asking for more than there are is an error.</summary>
internal sealed class ScriptedWords(IEnumerable<ulong> script) : WordStream(sizeof(ulong))
{
    private readonly IEnumerator<ulong> _script = script.GetEnumerator();

    public ScriptedWords(params ulong[] script) : this((IEnumerable<ulong>)script)
    {
    }

    public int Read { get; private set; }

    protected override int Refill(Span<byte> words)
    {
        if (!_script.MoveNext())
            throw new InvalidOperationException("the script is over");
        Read++;
        BinaryPrimitives.WriteUInt64LittleEndian(words, _script.Current);
        return sizeof(ulong);
    }
}
