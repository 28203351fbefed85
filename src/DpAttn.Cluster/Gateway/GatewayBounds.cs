using DpAttn.Contracts;
using DpAttn.Gateway;

namespace DpAttn.Cluster;

/// <summary>What a message of a gateway's client may say of its own size, checked before anything is done for it: a client need not be one of ours.</summary>
internal static class GatewayBounds
{
    /// <summary>Checks the length of what came with the call.</summary>
    /// <exception cref="ProblemException">too_large.</exception>
    public static void Require(DoorRequest request) => Require(request.Body?.Utf8.Length, Document.MostSentBytes);

    /// <summary>The bytes of a batch.</summary>
    /// <exception cref="ProblemException">invalid_request where there are no rows or columns, too_large where no array holds them or too much came with the call.</exception>
    public static long BytesOf(AppendHeader header)
    {
        Require(header.Content?.Bytes.Length, Block.MostBytes);
        // A message of another maker may lack what ours has.
        return header.Shape is { IsPossible: true }
            ? WithinAnArray(header.Shape.Bytes)
            : throw new ProblemException(ProblemCodes.InvalidRequest, "a batch has at least one row, and keys and values at least one column");
    }

    /// <summary>The bytes of queries.</summary>
    /// <exception cref="ProblemException">invalid_request where there are none, too_large where no array holds them or too much came with the call.</exception>
    public static long BytesOf(AttendHeader header)
    {
        Require(header.Content?.Bytes.Length, Block.MostBytes);
        Require(header.Options?.Utf8.Length, Document.MostSentBytes);
        return header is { Queries: >= 1, Columns: >= 1 }
            ? WithinAnArray(header.Bytes)
            : throw new ProblemException(ProblemCodes.InvalidRequest, "at least one query of at least one number is needed");
    }

    private static void Require(int? sent, int most)
    {
        if (sent > most)
            throw new ProblemException(ProblemCodes.TooLarge, $"{sent} bytes came in one message; a gateway takes at most {most}, and larger numbers in pieces");
    }

    private static long WithinAnArray(long bytes) => bytes <= Array.MaxLength
        ? bytes
        : throw new ProblemException(ProblemCodes.TooLarge, $"one request has at most {Array.MaxLength} bytes of numbers");
}
