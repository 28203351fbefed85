using CsCheck;
using DpAttn.Privacy;

namespace DpAttn.Cluster.Tests;

/// <summary>What a refusal tells is true: the raise that it names admits the charge, and a little less does not.</summary>
public class RefusalsTests
{
    private static readonly Delta Delta = new(1e-6);

    [Fact]
    public void A_limit_raised_by_what_was_short_admits_the_charge_and_hardly_more()
    {
        Gen.Select(Gen.Double[0.05, 8], Gen.Double[0, 1], Gen.Double[0.05, 8], Gen.Double[-14, -3]).Sample((stated, share, asked, exponent) =>
        {
            var delta = new Delta(Math.Pow(10, exponent));
            var limit = new PrivacyLimit(new Epsilon(stated), delta);
            var spent = (long)(share * limit.Amount.MuSquared);
            var account = new AccountState(stated, limit.Amount.MuSquared, limit.Amount.Slack, spent, 0, [], 1);
            var cost = new PrivacyAmount(Math.Max(1, new PrivacyLimit(new Epsilon(asked), delta).Amount.MuSquared), 1);
            var raise = Refusals.ShortBy(account, cost, delta)!.Value;
            Assert.True((account.Spent + cost).FitsIn(new PrivacyLimit(new Epsilon(stated + raise), delta).Amount));
            if (raise > 1e-6)
                Assert.False((account.Spent + cost).FitsIn(new PrivacyLimit(new Epsilon(stated + raise * (1 - 1e-6)), delta).Amount));
        }, iter: 300);
    }

    /// <summary>The same with the prices that requests really have: of tiers and of answers, slack included, to accounts that have bought some already.</summary>
    [Theory]
    [InlineData("moment-tree")]
    [InlineData("per-query")]
    public void A_limit_raised_by_what_was_short_admits_what_was_asked_for_at_its_price(string mechanism)
    {
        var model = StoreModel.Of(SchemaFactory.Resolve(Samples.Definition() with { Mechanism = new Contracts.MechanismDefinition(mechanism) }));
        Gen.Select(Gen.Double[0.3, 4], Gen.Int[0, 40], Gen.Int[0, 2], Gen.Int[1, 40]).Sample((stated, bought, tier, queries) =>
        {
            var limit = new PrivacyLimit(new Epsilon(stated), Delta).Amount;
            var spent = PrivacyAmount.Zero;
            for (var i = 0; i < bought && (spent + model.PriceOf(0)).FitsIn(limit); i++)
                spent += model.PriceOf(0);
            var cost = model is PerQueryModel priced ? priced.PriceOf(tier, queries) : model.PriceOf(tier);
            var account = new AccountState(stated, limit.MuSquared, limit.Slack, spent.MuSquared, spent.Slack, [], 1);
            var raise = Refusals.ShortBy(account, cost, Delta)!.Value;
            Assert.Equal((spent + cost).FitsIn(limit), raise == 0);
            Assert.True((spent + cost).FitsIn(new PrivacyLimit(new Epsilon(stated + raise), Delta).Amount));
            if (raise > 1e-6)
                Assert.False((spent + cost).FitsIn(new PrivacyLimit(new Epsilon(stated + raise * (1 - 1e-6)), Delta).Amount));
        }, iter: 300);
    }

    [Fact]
    public void When_the_slack_is_short_no_raise_is_named()
    {
        var limit = new PrivacyLimit(new Epsilon(1), Delta);
        var account = new AccountState(1, limit.Amount.MuSquared, limit.Amount.Slack, 0, limit.Amount.Slack, [], 1);
        Assert.Null(Refusals.ShortBy(account, new PrivacyAmount(limit.Amount.MuSquared + 1, 1), Delta));
    }

    [Fact]
    public void When_no_epsilon_is_large_enough_no_raise_is_named()
    {
        var account = new AccountState(1, 1, 1, 0, 0, [], 1);
        Assert.Null(Refusals.ShortBy(account, new PrivacyAmount(1L << 60, 0), Delta));
    }
}
