namespace DpAttn.Gateway;

/// <summary>
/// The one interface that a client of a gateway may call. Every call carries the credential, and the cluster authenticates it there and then: nothing that a client says about who asks is believed. Answered by
/// whichever silo it reaches. The key means nothing: the engine sends calls of one key to one gateway, so callers take turns with several.
/// </summary>
/// <remarks>Each call has a time of its own, after which the engine gives it up. What is refused is a <see cref="GatewayProblemException"/>.</remarks>
[Alias(GatewayNames.FrontDoor)]
internal interface IFrontDoorGrain : IGrainWithIntegerKey
{
    /// <summary>One of <see cref="Operations"/> that takes moments.</summary>
    [Alias("Ask"), ResponseTimeout("00:00:08")]
    Task<Document> AskAsync(Credential credential, DoorRequest request, CancellationToken cancellationToken);

    /// <summary>One of <see cref="Operations"/> that takes as long as what is stored is large.</summary>
    [Alias("Maintain"), ResponseTimeout("1.01:00:00")]
    Task<Document> MaintainAsync(Credential credential, DoorRequest request, CancellationToken cancellationToken);

    /// <summary>Appends a batch. What does not fit the header is fetched from the client piece by piece.</summary>
    /// <returns>An AppendResult.</returns>
    [Alias("Append"), ResponseTimeout("01:00:00")]
    Task<Document> AppendAsync(Credential credential, AppendHeader header, ITransfer client, CancellationToken cancellationToken);

    /// <summary>Answers queries. What does not fit the header or the answer is fetched from the client, or brought to it, piece by piece.</summary>
    [Alias("Attend"), ResponseTimeout("01:00:00")]
    Task<AttendAnswer> AttendAsync(Credential credential, AttendHeader header, ITransfer client, CancellationToken cancellationToken);

    /// <summary>Whether the silo that is reached is ready. It tells nothing else, and asks for no credential.</summary>
    [Alias("IsReady"), ResponseTimeout("00:00:02")]
    Task<bool> IsReadyAsync();
}
