using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Benchmarks.Ratios;

/// <summary>Charges through a ledger, each writer on an account of its own.</summary>
internal sealed class LedgerLoop
{
    private readonly IBudgetLedger _ledger;
    private readonly StoreId _store = new("store");
    private readonly AccountId[] _accounts;
    private long _requests;

    public LedgerLoop(IBudgetLedger ledger, int writers)
    {
        _ledger = ledger;
        _accounts = [.. Enumerable.Range(0, writers).Select(i => new AccountId($"account{i}"))];
        var limit = new PrivacyLimit(new Epsilon(8), new Delta(1e-6));
        ledger.CreateStoreAsync(_store, limit).GetAwaiter().GetResult();
        foreach (var account in _accounts)
            ledger.SetLimitAsync(_store, account, limit).GetAwaiter().GetResult();
    }

    public static void Burst(int writers, int charges, Func<int, int, Task> charge) => Task.WaitAll(Enumerable.Range(0, writers).Select(writer => Task.Run(async () =>
    {
        for (var i = 0; i < charges; i++)
            await charge(writer, i);
    })));

    public async Task ChargeAsync(int writer, int charge)
    {
        var request = new RequestId($"request{Interlocked.Increment(ref _requests)}");
        var decision = await _ledger.ChargeAsync(_store, _accounts[writer], request, RequestFingerprint.Of(BitConverter.GetBytes(charge)), new PrivacyAmount(1, 0));
        if (!decision.IsAdmitted)
            throw new InvalidOperationException("a charge within its limit was refused");
    }
}
