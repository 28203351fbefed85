using System.Diagnostics.CodeAnalysis;
using DpAttn.Client.Internal;

namespace DpAttn.Client;

/// <summary>
/// The SDK over HTTP. One instance serves any number of threads. Registered by <c>AddDpAttention</c>, or made with a constructor.
/// </summary>
/// <remarks>
/// Every call that changes something carries an <c>Idempotency-Key</c>, made once per call; only with that same key is it tried again, after
/// failed connections, timeouts and the statuses 408, 429, 502, 503 and 504, with exponential waits and no sooner than Retry-After asks for.
/// So a retry never charges, stores or publishes twice. A refusal (403 and every other status) is never retried. Only when an earlier attempt
/// of the same call had no known outcome, 409 <c>request_in_use</c> is waited for too: then the key is in use by that attempt.
/// </remarks>
public sealed partial class DpAttentionClient : IDpAttentionClient, IDisposable
{
    private readonly Exchange _exchange;
    private readonly DpAttentionOptions _options;
    private readonly Func<TimeSpan, CancellationToken, Task> _delay;

    /// <summary>A client with connections of its own.</summary>
    /// <param name="options">Where and who; read once.</param>
    /// <exception cref="ArgumentException">An option is missing or impossible; the message names it.</exception>
    [SuppressMessage("Reliability", "CA2000", Justification = "The client owns them.")]
    public DpAttentionClient(DpAttentionOptions options)
        : this(OptionsValidator.Require(options), new SingleSource(new HttpClient(Handlers.Create()) { Timeout = Timeout.InfiniteTimeSpan }, ownsClient: true))
    {
    }

    /// <summary>A client over the caller's HttpClient, which stays the caller's.</summary>
    /// <param name="http">Its handlers should not follow redirects, and its own Timeout should be longer than the options'.</param>
    /// <param name="options">Where and who; read once.</param>
    /// <exception cref="ArgumentException">An option is missing or impossible; the message names it.</exception>
    public DpAttentionClient(HttpClient http, DpAttentionOptions options)
        : this(OptionsValidator.Require(options), new SingleSource(http ?? throw new ArgumentNullException(nameof(http)), ownsClient: false))
    {
    }

    internal DpAttentionClient(DpAttentionOptions options, IHttpSource source, Func<TimeSpan, CancellationToken, Task>? delay = null, TimeProvider? clock = null)
    {
        _options = options;
        _delay = delay ?? Task.Delay;
        _exchange = new Exchange(source, options, _delay, clock ?? TimeProvider.System);
    }

    /// <summary>Closes the connections, if they are the client's own.</summary>
    public void Dispose() => _exchange.Dispose();

    private static string StorePath(string store) => "v1/stores/" + Identifiers.PathSegment(store);

    private static string ReleasePath(string store, string release) => $"{StorePath(store)}/releases/{Identifiers.PathSegment(release)}";

    private static string NewKey() => Identifiers.NewKey();
}
