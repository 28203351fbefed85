using CsCheck;
using DpAttn.Privacy;
using DpAttn.Storage.Tests.Support;

namespace DpAttn.Storage.Tests.Conformance;

/// <summary>The durable ledger against <see cref="PrivacyLedger"/>, the one in memory: the same decisions and totals over random sequences of operations.</summary>
public abstract class LedgerModelConformance : StorageConformance
{
    private static readonly AccountId[] Accounts = [new("a"), new("b"), new("c")];
    private static readonly ReleaseId[] Releases = [new("r1"), new("r2")];
    private static readonly PrivacyLimit[] Limits = [.. new[] { 0.25, 0.5, 1, 1.5 }.Select(epsilon => new PrivacyLimit(new Epsilon(epsilon), new Delta(1e-6)))];

    // Tiers from a tenth of the smallest limit to more than the largest, so that all kinds of refusal come up.
    private static readonly Ladder Prices = new([.. new[] { 0.1, 0.4, 2, 50 }.Select(part => (long)(part * Limits[0].Amount.MuSquared))]);

    private static readonly Gen<Operation> Operations = Gen.Frequency(
        (2, Gen.Select(Gen.Int[0, 2], Gen.Int[0, 3]).Select((account, limit) => (Operation)new SetLimit(account, limit))),
        (1, Gen.Int[0, 3].Select(limit => (Operation)new SetStoreLimit(limit))),
        (5, Gen.Select(Gen.Int[0, 2], Gen.Int[0, 11], Gen.Byte[0, 1], Gen.Int[0, 1], Gen.Int[-1, 4])
            .Select((account, request, fingerprint, release, tier) => (Operation)new Open(account, request, fingerprint, release, tier))),
        (5, Gen.Select(Gen.Int[0, 2], Gen.Int[0, 11], Gen.Byte[0, 1], Gen.Double[1e-6, 1.2], Gen.Long[0, 1L << 40])
            .Select((account, request, fingerprint, part, slack) => (Operation)new Charge(account, request, fingerprint, new PrivacyAmount((long)(part * Limits[1].Amount.MuSquared), slack)))),
        (1, Gen.Const((Operation)new Restart())));

    [Fact]
    public void Decides_as_the_ledger_in_memory_does_over_any_sequence_of_operations()
    {
        var stores = 0;
        var seen = new Dictionary<string, int>();
        // Two accounts are granted first, or most of the charges would be refused for want of a grant.
        Gen.Select(Operations.List[1, 40], Gen.Int[0, 3], Gen.Int[0, 3], Gen.Int[0, 3]).Sample((operations, storeLimit, first, second) =>
        {
            var store = new StoreId($"model-{stores++}");
            Ledger.CreateStoreAsync(store, Limits[storeLimit]).GetAwaiter().GetResult();
            var model = new PrivacyLedger(Limits[storeLimit].Amount);
            foreach (var release in Releases)
                model.AddRelease(release, Prices);
            foreach (var operation in (Operation[])[new SetLimit(0, first), new SetLimit(1, second), .. operations])
            {
                var expected = Model(model, operation);
                var actual = DurableAsync(store, operation).GetAwaiter().GetResult();
                Assert.Equal(expected, actual);
                Assert.Equal(model.StoreSpent, Ledger.ReadStoreAsync(store).GetAwaiter().GetResult()!.Spent);
                var kind = actual is LedgerDecision.Refused refused ? $"{refused.Reason}" : $"{operation.GetType().Name} {actual}";
                seen[kind.Split('{')[0]] = seen.GetValueOrDefault(kind.Split('{')[0]) + 1;
            }
            foreach (var account in Accounts)
                Compare(store, model, account);
            Assert.Empty(Ledger.VerifyAsync(store).GetAwaiter().GetResult());
        }, iter: 60, threads: 1);

        // The sequences must have met every kind of decision, or the comparison says little. Each is met dozens of times in a run: missing one by chance is
        // less likely than 1e-9.
        foreach (var reason in new[] { "AccountLimit", "StoreLimit", "UnknownAccount", "UnknownTier", "RequestConflict", "LimitBelowSpent" })
            Assert.True(seen.ContainsKey(reason), $"no operation was refused with {reason}");
    }

    private void Compare(StoreId store, PrivacyLedger model, AccountId account)
    {
        var budget = Ledger.ReadAccountAsync(store, account).GetAwaiter().GetResult();
        Assert.Equal(model.Limit(account), budget?.Limit);
        Assert.Equal(model.Spent(account), budget?.Spent ?? PrivacyAmount.Zero);
        foreach (var release in Releases)
            Assert.Equal(model.OpenTier(account, release), budget?.OpenTiers.TryGetValue(release, out var tier) == true ? tier : null);
    }

    private static LedgerDecision? Model(PrivacyLedger model, Operation operation) => operation switch
    {
        SetLimit o => model.SetLimit(Accounts[o.Account], Limits[o.Limit].Amount),
        SetStoreLimit o => model.SetStoreLimit(Limits[o.Limit].Amount),
        Open o => model.Open(Accounts[o.Account], Request(o.Request), Fingerprint(o.Fingerprint), Releases[o.Release], o.Tier),
        Charge o => model.Charge(Accounts[o.Account], Request(o.Request), Fingerprint(o.Fingerprint), o.Cost),
        _ => null,
    };

    private async Task<LedgerDecision?> DurableAsync(StoreId store, Operation operation)
    {
        switch (operation)
        {
            case SetLimit o:
                return await Ledger.SetLimitAsync(store, Accounts[o.Account], Limits[o.Limit]);
            case SetStoreLimit o:
                return await Ledger.SetStoreLimitAsync(store, Limits[o.Limit]);
            case Open o:
                return await Ledger.OpenAsync(store, Accounts[o.Account], Request(o.Request), Fingerprint(o.Fingerprint), Releases[o.Release], o.Tier, Prices);
            case Charge o:
                return await Ledger.ChargeAsync(store, Accounts[o.Account], Request(o.Request), Fingerprint(o.Fingerprint), o.Cost);
            default:
                await Storage.RestartAsync();
                return null;
        }
    }

    private abstract record Operation;

    private sealed record SetLimit(int Account, int Limit) : Operation;

    private sealed record SetStoreLimit(int Limit) : Operation;

    private sealed record Open(int Account, int Request, byte Fingerprint, int Release, int Tier) : Operation;

    private sealed record Charge(int Account, int Request, byte Fingerprint, PrivacyAmount Cost) : Operation;

    private sealed record Restart : Operation;
}
