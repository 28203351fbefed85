namespace DpAttn.Gateway;

/// <summary>
/// A client's own numbers on their way in and the answer's on their way out, where they are too large for one message. The silo sets the pace: nothing travels that it has no room for.
/// </summary>
[Alias(GatewayNames.Transfer)]
internal interface ITransfer : IGrainObserver
{
    /// <summary>A piece of what the client sends.</summary>
    [Alias("Read"), ResponseTimeout("00:00:05")]
    Task<Block> ReadAsync(long transfer, int start, int count);

    /// <summary>A piece of what the client gets; the first one says how much there will be.</summary>
    [Alias("Write"), ResponseTimeout("00:00:05")]
    Task WriteAsync(long transfer, int length, int start, Block piece);
}
