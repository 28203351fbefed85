using System.Text.RegularExpressions;
using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Storage;

namespace DpAttn.Server.Http;

/// <summary>Turns what reached the edge into a problem. Nothing unknown tells anything about itself.</summary>
internal static partial class ProblemTranslator
{
    /// <summary>The refusal of a request that failed with an exception.</summary>
    /// <param name="exception">What was thrown.</param>
    /// <param name="storageCode">The code for a storage that cannot be reached, where this request needs it.</param>
    public static ProblemException Translate(Exception exception, string storageCode) => exception switch
    {
        ProblemException problem => problem,
        BadHttpRequestException bad => new(ProblemTable.CodeOf(bad.StatusCode), bad.StatusCode == StatusCodes.Status413PayloadTooLarge ? "the body is larger than allowed" : "the request is not well-formed HTTP", bad),
        LedgerSuspendedException => new(ProblemCodes.LedgerClosed, exception.Message, exception),
        StorageFullException => new(ProblemCodes.StorageFull, "the storage is full; nothing was changed and nothing acknowledged is lost", exception),
        StorageBusyException => new(ProblemCodes.Busy, "a queue of the storage is full; nothing was changed", exception),
        StorageOutcomeUnknownException => new(ProblemCodes.ChargeUnknown, "the storage did not say whether it was done; retry with the same idempotency key only", exception),
        StorageUnavailableException => new(storageCode, "the storage cannot be reached; nothing was changed", exception),
        StorageCorruptException => new(ProblemCodes.InternalError, InternalDetail, exception),
        TimeoutException => new(ProblemCodes.ChargeUnknown, "the cluster did not answer in time; retry with the same idempotency key only", exception),
        RowRejectedException or QueryRejectedException or NpyFormatException => new(ProblemCodes.InvalidRequest, FirstLine(exception.Message), exception),
        ArgumentException argument when IsOfLibrary(argument) => new(ProblemCodes.InvalidRequest, FirstLine(argument.Message), argument),
        _ => new(ProblemCodes.InternalError, InternalDetail, exception),
    };

    internal const string InternalDetail = "the server failed; its log has more under the trace id";

    /// <summary>The library's sentence, without what .NET appends about parameters and their values.</summary>
    internal static string FirstLine(string message)
    {
        var end = message.AsSpan().IndexOfAny('\r', '\n');
        return ParameterSuffix().Replace(end < 0 ? message : message[..end], "");
    }

    /// <summary>Whether the mathematics threw it: its messages are written for users. Any other argument exception is a fault of ours.</summary>
    private static bool IsOfLibrary(ArgumentException exception)
    {
        // Of an exception that crossed a silo only the text of its stack is left.
        foreach (var line in (exception.StackTrace ?? "").AsSpan().EnumerateLines())
        {
            var frame = line.Trim();
            if (!frame.StartsWith("at ", StringComparison.Ordinal) || frame.StartsWith("at System.", StringComparison.Ordinal))
                continue;
            return frame.StartsWith("at DpAttn.Attention.", StringComparison.Ordinal) || frame.StartsWith("at DpAttn.Privacy.", StringComparison.Ordinal);
        }
        return false;
    }

    [GeneratedRegex(@" \(Parameter '[^']*'\)$")]
    private static partial Regex ParameterSuffix();
}
