using System.Text.Json;
using DpAttn.Contracts;
using DpAttn.Gateway;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;

namespace DpAttn.Cluster;

/// <inheritdoc cref="IFrontDoorGrain"/>
/// <remarks>It has no state and decides nothing: it authenticates, and asks the silo's <see cref="IFrontDoor"/>.</remarks>
[GrainType(GatewayNames.FrontDoor), StatelessWorker, Reentrant]
internal sealed partial class FrontDoorGrain(IFrontDoor door, GatewayGate gate, ClusterOptions options, ILogger<FrontDoorGrain> logger) : Grain, IFrontDoorGrain
{
    public Task<Document> AskAsync(Credential credential, DoorRequest request, CancellationToken cancellationToken) =>
        AnswerAsync(credential, caller =>
        {
            GatewayBounds.Require(request);
            return DoorOperations.AskAsync(door, caller, request, cancellationToken);
        }, cancellationToken);

    public Task<Document> MaintainAsync(Credential credential, DoorRequest request, CancellationToken cancellationToken) =>
        AnswerAsync(credential, caller =>
        {
            GatewayBounds.Require(request);
            return DoorOperations.MaintainAsync(door, caller, request, cancellationToken);
        }, cancellationToken);

    public Task<Document> AppendAsync(Credential credential, AppendHeader header, ITransfer client, CancellationToken cancellationToken) =>
        AnswerAsync(
            credential,
            async caller =>
            {
                var bytes = GatewayBounds.BytesOf(header);
                if (header.Content is null)
                    await RequireVisibleAsync(caller, header.Store, cancellationToken);
                using var room = gate.EnterBytes(bytes);
                var content = await Pieces.FetchAsync(client, header.Transfer, header.Content, bytes, cancellationToken);
                var rows = RowContent.Read(header.Shape, content.Span, header.Clip);
                return GatewayJson.Write(await door.AppendAsync(caller, header.Store, header.Batch, rows, cancellationToken));
            },
            cancellationToken);

    public Task<AttendAnswer> AttendAsync(Credential credential, AttendHeader header, ITransfer client, CancellationToken cancellationToken) =>
        AnswerAsync(
            credential,
            async caller =>
            {
                var bytes = GatewayBounds.BytesOf(header);
                QueryCheck.RequireCount(header.Queries, options);
                if (header.Content is null)
                    await RequireVisibleAsync(caller, header.Store, cancellationToken);
                using var room = gate.EnterBytes(bytes);
                var content = await Pieces.FetchAsync(client, header.Transfer, header.Content, bytes, cancellationToken);
                var command = AttendCommands.Read(GatewayJson.Read<AttendTerms>(header.Options), header.Queries, header.Columns, content.Span);
                var (summary, answers) = AttendResults.Write(await door.AttendAsync(caller, header.Store, command, cancellationToken));
                return new AttendAnswer(GatewayJson.Write(summary), await Pieces.BringAsync(client, header.Transfer, answers, cancellationToken));
            },
            cancellationToken);

    public Task<bool> IsReadyAsync() => door.IsReadyAsync();

    /// <summary>Numbers are not fetched for who may not even know of the store. What else it takes is checked where they are used.</summary>
    private Task RequireVisibleAsync(Principal caller, string store, CancellationToken cancellationToken) => door.GetStoreAsync(caller, store, cancellationToken);

    /// <summary>The credential is authenticated first and here; what goes wrong leaves as a problem and nothing else.</summary>
    private async Task<T> AnswerAsync<T>(Credential credential, Func<Principal, Task<T>> answer, CancellationToken cancellationToken)
    {
        try
        {
            using var place = gate.EnterCall();
            return await answer(await door.AuthenticateAsync(credential.Value, cancellationToken));
        }
        catch (ProblemException e)
        {
            if (e.InnerException is not null)
                LogProblem(e.Code, Failures.Describe(e));
            throw Problems.ToGateway(e);
        }
        catch (JsonException)
        {
            // Not its text, which may quote what was sent.
            throw new GatewayProblemException(new ProblemReport(ProblemCodes.InvalidRequest, "a document is not the one that the operation takes"));
        }
        catch (Exception e) when (!(e is OperationCanceledException && cancellationToken.IsCancellationRequested))
        {
            LogFault(Failures.Describe(e));
            throw new GatewayProblemException(new ProblemReport(ProblemCodes.InternalError, "a silo failed; its log has more"));
        }
    }

    [LoggerMessage(LogLevel.Warning, "A call of a front ended in {Code}: {Fault}")]
    private partial void LogProblem(string code, string fault);

    [LoggerMessage(LogLevel.Error, "A call of a front failed: {Fault}")]
    private partial void LogFault(string fault);
}
