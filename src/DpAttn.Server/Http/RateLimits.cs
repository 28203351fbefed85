using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Server.Http;

/// <summary>
/// How often an account may ask, and how often an address may fail to say who it is. Of this process alone: of several fronts each has its own. A privacy budget is no rate: what it refuses is 403.
/// </summary>
internal sealed class RateLimits(ServerOptions options, TimeProvider clock)
{
    private const int SecondsPerMinute = 60;
    private const int PrefixBytes = 8;

    private readonly TokenBuckets<AccountId>? _accounts = options.RequestsPerSecond == 0 ? null : new(options.RequestsPerSecond, options.RequestBurst, options.RateLimitEntries, clock);
    private readonly TokenBuckets<IPAddress>? _addresses = options.AuthFailuresPerMinute == 0
        ? null
        : new(options.AuthFailuresPerMinute / (double)SecondsPerMinute, options.AuthFailureBurst, options.RateLimitEntries, clock);

    // Hashes under the process's own random key. Another credential of the same hash is only asked for its truth.
    private readonly ConcurrentDictionary<int, bool> _accepted = new();

    /// <summary>Lets a credential be looked at, unless too many of its address were not good. Those that were good go on being looked at: others behind the same address do not shut them out.</summary>
    /// <exception cref="ProblemException">rate_limited.</exception>
    public void Admit(HttpContext context, string? credential)
    {
        if (_addresses?.Look(AddressOf(context)) is { } wait && (credential is null || !_accepted.ContainsKey(credential.GetHashCode(StringComparison.Ordinal))))
            throw Refuse($"too many requests of this address had no valid credential; it may try {options.AuthFailuresPerMinute} a minute", wait);
    }

    /// <summary>Counts a request without a valid credential. One that was good and is not any more, a revoked key, is from now on as any other at its address.</summary>
    public void CountFailure(HttpContext context, string? credential)
    {
        _addresses?.TryTake(AddressOf(context));
        if (credential is not null)
            _accepted.TryRemove(credential.GetHashCode(StringComparison.Ordinal), out _);
    }

    /// <summary>Counts a request of an account.</summary>
    /// <exception cref="ProblemException">rate_limited.</exception>
    public void Count(Principal caller, string credential)
    {
        Remember(credential);
        if (_accounts?.TryTake(caller.Account) is { } wait)
            throw Refuse($"this account sends more than {options.RequestsPerSecond} requests a second", wait);
    }

    private void Remember(string credential)
    {
        if (_addresses is null || !_accepted.TryAdd(credential.GetHashCode(StringComparison.Ordinal), true) || _accepted.Count <= options.RateLimitEntries)
            return;
        _accepted.Clear();
    }

    /// <summary>An IPv4 address, or the part of an IPv6 one that a caller cannot choose.</summary>
    private static IPAddress AddressOf(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress ?? IPAddress.None;
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(PrefixBytes).Clear();
        return new IPAddress(bytes);
    }

    private static ProblemException Refuse(string why, TimeSpan wait) => new(ProblemCodes.RateLimited, why) { RetryAfter = wait };
}
