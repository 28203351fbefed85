using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using DpAttn.Client.Internal;
using DpAttn.Contracts;

namespace DpAttn.Client;

public sealed partial class DpAttentionClient
{
    /// <inheritdoc/>
    public Task<BudgetDescription> GetBudgetAsync(string store, CancellationToken cancellationToken = default) =>
        _exchange.SendAsync(new Call($"read the budget at store '{store}'", HttpMethod.Get, StorePath(store) + "/budgets/me"), WireJson.Default.BudgetDescription, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<LedgerLine> ListLedgerAsync(string store, CancellationToken cancellationToken = default) => ListLedgerAsync(store, null, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<LedgerLine> ListAccountLedgerAsync(string store, string account, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(account);
        return ListLedgerAsync(store, account, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<long> ExportLedgerAsync(string store, Stream target, string? account = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        return ExportAsync(ListLedgerAsync(store, account, cancellationToken), target, cancellationToken);
    }

    /// <summary>Writes entries as JSON lines.</summary>
    internal static async Task<long> ExportAsync(IAsyncEnumerable<LedgerLine> lines, Stream target, CancellationToken cancellationToken)
    {
        var written = 0L;
        await foreach (var line in lines.ConfigureAwait(false))
        {
            await target.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(line, WireJson.Default.LedgerLine), cancellationToken).ConfigureAwait(false);
            await target.WriteAsync("\n"u8.ToArray(), cancellationToken).ConfigureAwait(false);
            written++;
        }
        await target.FlushAsync(cancellationToken).ConfigureAwait(false);
        return written;
    }

    /// <inheritdoc/>
    public Task<StoreBudgets> ListBudgetsAsync(string store, string? cursor = null, CancellationToken cancellationToken = default) =>
        _exchange.SendAsync(new Call($"list the budgets of store '{store}'", HttpMethod.Get, StorePath(store) + "/budgets" + Cursor(cursor)), WireJson.Default.StoreBudgets, cancellationToken);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">No subject, or an epsilon that is not finite and above 0.</exception>
    /// <remarks>The subject's name travels in a body only, never in an address.</remarks>
    public Task<BudgetDescription> GrantAsync(string store, string subject, double epsilon, CancellationToken cancellationToken = default) =>
        GrantAsync(store, new AccountLookup(subject), epsilon, cancellationToken);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">No subject, or an epsilon that is not finite and above 0.</exception>
    /// <remarks>The subject's name travels in a body only, never in an address.</remarks>
    public async Task<BudgetDescription> GrantAsync(string store, AccountLookup who, double epsilon, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(who);
        ArgumentException.ThrowIfNullOrEmpty(who.Subject);
        RequireLimit(epsilon);
        var path = StorePath(store);
        var lookup = new Call("look up an account", HttpMethod.Post, "v1/accounts/lookup") { Key = NewKey() };
        var found = await _exchange.SendAsync(
            lookup.WithJson(who, WireJson.Default.AccountLookup), WireJson.Default.AccountReference, cancellationToken).ConfigureAwait(false);
        if (found.Account.Length is 0 or > Identifiers.LongestLength || found.Account is "." or "..")
            throw Exchange.Malformed(lookup, HttpStatusCode.OK, "an account id that is none");
        var grant = new Call($"grant a limit at store '{store}'", HttpMethod.Put, $"{path}/budgets/{Uri.EscapeDataString(found.Account)}") { Key = NewKey() };
        return await _exchange.SendAsync(
            grant.WithJson(new LimitRequest(epsilon), WireJson.Default.LimitRequest), WireJson.Default.BudgetDescription, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<StoreBudgets> SetStoreLimitAsync(string store, double epsilon, CancellationToken cancellationToken = default)
    {
        RequireLimit(epsilon);
        var call = new Call($"set the limit of store '{store}'", HttpMethod.Put, StorePath(store) + "/budgets") { Key = NewKey() };
        return _exchange.SendAsync(call.WithJson(new LimitRequest(epsilon), WireJson.Default.LimitRequest), WireJson.Default.StoreBudgets, cancellationToken);
    }

    private async IAsyncEnumerable<LedgerLine> ListLedgerAsync(string store, string? account, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var path = $"{StorePath(store)}/budgets/{(account is null ? "me" : Identifiers.PathSegment(account))}/ledger";
        for (string? cursor = null; ;)
        {
            var call = new Call($"read the ledger of store '{store}'", HttpMethod.Get, path + Cursor(cursor));
            var page = await _exchange.SendAsync(call, WireJson.Default.LedgerPage, cancellationToken).ConfigureAwait(false);
            foreach (var entry in page.Entries)
                yield return entry;
            if (page.Next is not { } next)
                yield break;
            if (next == cursor)
                throw Exchange.Malformed(call, HttpStatusCode.OK, "a page that leads to itself");
            cursor = next;
        }
    }

    internal static void RequireLimit(double epsilon)
    {
        if (!(epsilon > 0 && double.IsFinite(epsilon)))
            throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "a limit must be finite and above 0");
    }

    private static string Cursor(string? cursor) => cursor is null ? "" : "?cursor=" + Uri.EscapeDataString(cursor);
}
