using System.Runtime.CompilerServices;
using DpAttn.Client.Internal;
using DpAttn.Contracts;
using DpAttn.Gateway;

namespace DpAttn.Client;

internal sealed partial class ClusterDpAttentionClient
{
    public Task<BudgetDescription> GetBudgetAsync(string store, CancellationToken cancellationToken = default) =>
        AskAsync<BudgetDescription>($"read the budget at store '{store}'", new DoorRequest(Operations.GetMyBudget, Identifiers.Require(store)), cancellationToken);

    public IAsyncEnumerable<LedgerLine> ListLedgerAsync(string store, CancellationToken cancellationToken = default) => ListAsync(store, null, cancellationToken);

    public IAsyncEnumerable<LedgerLine> ListAccountLedgerAsync(string store, string account, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(account);
        return ListAsync(store, account, cancellationToken);
    }

    public Task<long> ExportLedgerAsync(string store, Stream target, string? account = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        return DpAttentionClient.ExportAsync(ListAsync(store, account, cancellationToken), target, cancellationToken);
    }

    public Task<StoreBudgets> ListBudgetsAsync(string store, string? cursor = null, CancellationToken cancellationToken = default) =>
        AskAsync<StoreBudgets>($"list the budgets of store '{store}'", new DoorRequest(Operations.ListBudgets, Identifiers.Require(store), number: PageLength, text: cursor), cancellationToken);

    public Task<BudgetDescription> GrantAsync(string store, string subject, double epsilon, CancellationToken cancellationToken = default) =>
        GrantAsync(store, new AccountLookup(subject), epsilon, cancellationToken);

    public async Task<BudgetDescription> GrantAsync(string store, AccountLookup who, double epsilon, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(who);
        ArgumentException.ThrowIfNullOrEmpty(who.Subject);
        DpAttentionClient.RequireLimit(epsilon);
        Identifiers.Require(store);
        var lookup = new DoorRequest(Operations.FindAccount, body: GatewayJson.Write(who));
        var found = await AskAsync<AccountReference>("look up an account", lookup, cancellationToken).ConfigureAwait(false);
        var grant = new DoorRequest(Operations.SetBudget, store, found.Account, body: GatewayJson.Write(new LimitRequest(epsilon)));
        return await AskAsync<BudgetDescription>($"grant a limit at store '{store}'", grant, cancellationToken).ConfigureAwait(false);
    }

    public Task<StoreBudgets> SetStoreLimitAsync(string store, double epsilon, CancellationToken cancellationToken = default)
    {
        DpAttentionClient.RequireLimit(epsilon);
        var request = new DoorRequest(Operations.SetStoreBudget, Identifiers.Require(store), body: GatewayJson.Write(new LimitRequest(epsilon)));
        return AskAsync<StoreBudgets>($"set the limit of store '{store}'", request, cancellationToken);
    }

    public async IAsyncEnumerable<AuditLine> ListAuditAsync(long after = 0, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(after);
        for (long? next = after; next is { } from;)
        {
            var page = await AskAsync<AuditPage>("read the audit log", new DoorRequest(Operations.ListAudit, number: from, text: $"{PageLength}"), cancellationToken).ConfigureAwait(false);
            foreach (var line in page.Entries)
                yield return line;
            next = page.Next > from ? page.Next : null;
        }
    }

    private async IAsyncEnumerable<LedgerLine> ListAsync(string store, string? account, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Identifiers.Require(store);
        for (string? cursor = null; ;)
        {
            var request = new DoorRequest(account is null ? Operations.ListMyLedger : Operations.ListLedger, store, account, PageLength, cursor);
            var page = await AskAsync<LedgerPage>($"read the ledger of store '{store}'", request, cancellationToken).ConfigureAwait(false);
            foreach (var entry in page.Entries)
                yield return entry;
            if (page.Next is not { } next || next == cursor)
                yield break;
            cursor = next;
        }
    }
}
