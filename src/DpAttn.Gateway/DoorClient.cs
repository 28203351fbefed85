using DpAttn.Contracts;

namespace DpAttn.Gateway;

/// <summary>Calls the front door over a gateway. Whatever goes wrong on the way is a <see cref="GatewayProblemException"/> as well.</summary>
internal sealed class DoorClient(GatewayConnection connection, TimeSpan deadline)
{
    /// <summary>Asks for an operation that takes moments.</summary>
    public async Task<T> AskAsync<T>(string? credential, DoorRequest request, CancellationToken cancellationToken) =>
        GatewayJson.Read<T>(await SendAsync(door => door.AskAsync(new Credential(credential), Bounded(request), cancellationToken), deadline, mayCharge: false, cancellationToken));

    /// <summary>Asks for one without an answer.</summary>
    public Task TellAsync(string? credential, DoorRequest request, CancellationToken cancellationToken) =>
        SendAsync(door => door.AskAsync(new Credential(credential), Bounded(request), cancellationToken), deadline, mayCharge: false, cancellationToken);

    /// <summary>Asks for one that takes as long as what is stored is large.</summary>
    public async Task<T> MaintainAsync<T>(string? credential, DoorRequest request, CancellationToken cancellationToken) =>
        GatewayJson.Read<T>(await SendAsync(door => door.MaintainAsync(new Credential(credential), Bounded(request), cancellationToken), Timeout.InfiniteTimeSpan, mayCharge: false, cancellationToken));

    /// <summary>Appends a batch whose content is not changed until this returns, and not read after it.</summary>
    public async Task<AppendResult> AppendAsync(string? credential, string store, string batch, BatchShape shape, bool clip, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        using var transfer = connection.Transfers.Begin(content);
        var header = new AppendHeader(store, batch, shape, clip, transfer.Id, Inline(content));
        return GatewayJson.Read<AppendResult>(await SendAsync(
            door => door.AppendAsync(new Credential(credential), header, connection.Reference, cancellationToken), Timeout.InfiniteTimeSpan, mayCharge: false, cancellationToken));
    }

    /// <summary>Asks queries, m x d float64.</summary>
    /// <returns>What is said of the answers, and an <see cref="AnswerContent"/>.</returns>
    public async Task<(AnswerSummary Summary, Memory<byte> Content)> AttendAsync(
        string? credential, string store, int queries, int columns, AttendTerms terms, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        using var transfer = connection.Transfers.Begin(content);
        var header = new AttendHeader(store, queries, columns, GatewayJson.Write(terms), transfer.Id, Inline(content));
        var answer = await SendAsync(
            door => door.AttendAsync(new Credential(credential), header, connection.Reference, cancellationToken), Timeout.InfiniteTimeSpan, terms.MayOpen, cancellationToken);
        var summary = GatewayJson.Read<AnswerSummary>(answer.Summary);
        var brought = answer.Content is { } inline ? inline.Bytes.ToArray() : transfer.Brought;
        return brought?.Length == summary.Bytes ? (summary, brought) : throw Lost(terms.MayOpen, null);
    }

    /// <summary>Whether a gateway is reached, and the silo behind it is ready.</summary>
    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await connection.Door.IsReadyAsync().WaitAsync(cancellationToken);
        }
        catch (Exception e) when (e is GatewayProblemException || IsSilence(e))
        {
            return false;
        }
    }

    /// <summary>What the silo would refuse is not sent: a message beyond the engine's bound would cost the connection.</summary>
    private static DoorRequest Bounded(DoorRequest request) => request.Body is not { Utf8.Length: > Document.MostSentBytes and var sent }
        ? request
        : throw new GatewayProblemException(new ProblemReport(ProblemCodes.TooLarge, $"the document has {sent} bytes; a gateway takes at most {Document.MostSentBytes}"));

    private static Block? Inline(ReadOnlyMemory<byte> content) => content.Length <= Block.MostBytes ? new Block(content) : null;

    private async Task<T> SendAsync<T>(Func<IFrontDoorGrain, Task<T>> call, TimeSpan limit, bool mayCharge, CancellationToken cancellationToken)
    {
        try
        {
            await connection.WaitAsync(cancellationToken);
            return await call(connection.Door).WaitAsync(limit, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e) when (IsSilence(e))
        {
            throw Lost(mayCharge, e);
        }
    }

    /// <summary>Nobody answered, or the way broke.</summary>
    private static bool IsSilence(Exception e) => e is TimeoutException or OrleansException or OperationCanceledException or ObjectDisposedException;

    /// <summary>A call that could charge may have charged.</summary>
    private static GatewayProblemException Lost(bool mayCharge, Exception? cause) => new(
        mayCharge
            ? new ProblemReport(ProblemCodes.ChargeUnknown, "the cluster did not answer, and whether the charge was made is unknown; retry with the same idempotency key only")
            : new ProblemReport(ProblemCodes.ShardUnavailable, "the cluster did not answer, or the way to it broke; whether the request was carried out is not known"),
        cause);
}
