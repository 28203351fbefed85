using System.Buffers.Binary;
using System.Security.Cryptography;

namespace DpAttn.Auditing;

/// <summary>
/// The throw-away secrets of an audit's runs, one each. With a stated seed they are the same ones again, and no secrets at all: such releases never leave the process.
/// </summary>
internal sealed class AuditSecrets(int? seed)
{
    public const int Bytes = 32;

    /// <summary>Writes a run's secret.</summary>
    /// <param name="phase">Learning, tuning or counting: no two phases share a run.</param>
    /// <param name="second">The data set.</param>
    /// <param name="run">The run, counted from 0.</param>
    /// <param name="secret">32 bytes.</param>
    public void Fill(int phase, bool second, long run, Span<byte> secret)
    {
        if (seed is not { } stated)
        {
            RandomNumberGenerator.Fill(secret);
            return;
        }
        Span<byte> text = stackalloc byte[32];
        "dpattn audit "u8.CopyTo(text);
        BinaryPrimitives.WriteInt32LittleEndian(text[16..], stated);
        text[20] = (byte)phase;
        text[21] = second ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt64LittleEndian(text[24..], run);
        SHA256.HashData(text, secret);
    }
}
