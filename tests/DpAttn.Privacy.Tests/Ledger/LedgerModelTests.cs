using System.Numerics;
using CsCheck;

namespace DpAttn.Privacy.Tests;

/// <summary>The ledger against <see cref="NaiveLedger"/> over random sequences of everything that can be asked of it.</summary>
public class LedgerModelTests
{
    private static readonly string[] Accounts = ["a", "b", "c"];
    private static readonly Dictionary<string, ITierCosts> Releases = new()
    {
        ["r"] = new Ledgers.Prices([100, 250, 700]),
        ["s"] = new Ledgers.Prices([40]),
        ["t"] = new Ledgers.Prices([1, 2, 3, 900]),
    };

    private sealed record Operation(int Kind, string Account, int Request, int Fingerprint, string Release, int Tier, long Mu, long Slack);

    // Amounts small beside the limits, near them, and at the edge of 64 bits.
    private static readonly Gen<long> Amounts = Gen.Frequency((6, Gen.Long[0, 300]), (3, Gen.Long[0, 2000]), (1, Edges.Of(long.MaxValue, long.MaxValue - 1, 1L << 62)));

    private static readonly Gen<Operation> Operations = Gen.Select(
        Gen.Frequency((1, Gen.Const(0)), (1, Gen.Const(1)), (6, Gen.Const(2)), (4, Gen.Const(3)), (1, Gen.Const(4))),
        Edges.Of(Accounts), Gen.Int[0, 25], Gen.Frequency((9, Gen.Const(0)), (1, Gen.Const(1))), Edges.Of("r", "s", "t", "unknown"), Gen.Int[-1, 4], Amounts, Amounts)
        .Select(t => new Operation(t.Item1, t.Item2, t.Item3, t.Item4, t.Item5, t.Item6, t.Item7, t.Item8));

    [Fact]
    public void Every_sequence_of_requests_is_decided_as_the_naive_model_decides_it() => Gen.Select(
        Operations.Array[0, 60], Gen.Long[0, 3000], Gen.Long[0, 3000]).Sample((operations, mu, slack) =>
    {
        var ledger = Known(new PrivacyLedger(new PrivacyAmount(mu, slack)));
        var model = new NaiveLedger(mu, slack, Releases);
        foreach (var operation in operations)
        {
            var (account, request) = (new AccountId(operation.Account), new RequestId($"q{operation.Request}"));
            // The body of a request: what it asks for, and at times something else under the same id.
            var body = $"{operation.Kind} {operation.Fingerprint}";
            var fingerprint = RequestFingerprint.Of(System.Text.Encoding.UTF8.GetBytes(body));
            var before = ledger.Entries.Count;
            switch (operation.Kind)
            {
                case 0:
                    Assert.Equal(model.SetLimit(operation.Account, operation.Mu, operation.Slack), Said(ledger.SetLimit(account, new(operation.Mu, operation.Slack))));
                    break;
                case 1:
                    Assert.Equal(model.SetStoreLimit(operation.Mu, operation.Slack), Said(ledger.SetStoreLimit(new(operation.Mu, operation.Slack))));
                    break;
                case 2:
                    Assert.Equal(
                        model.Ask(operation.Account, request.Value, body, operation.Release, operation.Tier, 0, 0),
                        Said(ledger.Open(account, request, fingerprint, new ReleaseId(operation.Release), operation.Tier)));
                    break;
                case 3:
                    var cost = Math.Max(1, operation.Mu);
                    Assert.Equal(
                        model.Ask(operation.Account, request.Value, body, null, 0, cost, operation.Slack),
                        Said(ledger.Charge(account, request, fingerprint, new(cost, operation.Slack))));
                    break;
                default:
                    ledger = Known(PrivacyLedger.Rebuild(ledger.Entries));
                    break;
            }
            Compare(ledger, model);
            Assert.InRange(ledger.Entries.Count - before, 0, 1);
        }
    }, iter: 3000);

    private static PrivacyLedger Known(PrivacyLedger ledger)
    {
        foreach (var (id, costs) in Releases)
            ledger.AddRelease(new ReleaseId(id), costs);
        return ledger;
    }

    private static string Said(LedgerDecision decision) => decision switch
    {
        LedgerDecision.Admitted { IsReplay: true } => "replay",
        LedgerDecision.Admitted => "ok",
        LedgerDecision.Refused refused => refused.Reason.ToString(),
        _ => throw new InvalidOperationException(),
    };

    private static void Compare(PrivacyLedger ledger, NaiveLedger model)
    {
        static (BigInteger, BigInteger) Pair(PrivacyAmount amount) => (amount.MuSquared, amount.Slack);
        Assert.Equal(model.StoreSpent, Pair(ledger.StoreSpent));
        Assert.True(ledger.StoreSpent.FitsIn(ledger.StoreLimit));
        foreach (var account in Accounts)
        {
            var id = new AccountId(account);
            Assert.Equal(model.AccountSpent(account), Pair(ledger.Spent(id)));
            Assert.True(ledger.Limit(id) is not { } limit || ledger.Spent(id).FitsIn(limit));
            foreach (var release in Releases.Keys)
                Assert.Equal(model.OpenTier(account, release), ledger.OpenTier(id, new ReleaseId(release)));
        }
    }
}
