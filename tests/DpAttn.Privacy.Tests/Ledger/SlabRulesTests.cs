using CsCheck;

namespace DpAttn.Privacy.Tests;

/// <summary>Slabs in a model of a store: whoever reserves, charges and takes back, and in whatever order.</summary>
public class SlabRulesTests
{
    private static readonly PrivacyAmount Limit = new(1_000_000, 5_000);

    // Costs from one unit to more than the limit; some of them without slack.
    private static readonly Gen<PrivacyAmount> Costs = Gen.Frequency(
        (4, Gen.Select(Gen.Long[1, 500], Gen.Long[0, 3])),
        (2, Gen.Select(Gen.Long[1, 100_000], Gen.Long[0, 600])),
        (1, Gen.Select(Gen.Long[1, 1_100_000], Gen.Long[0, 5_500]))).Select(cost => new PrivacyAmount(cost.Item1, cost.Item2));

    private static readonly Gen<(int Account, PrivacyAmount Cost, bool IsCrash)> Charges = Gen.Select(Gen.Int[0, 4], Costs, Gen.Int[0, 9]).Select((account, cost, crash) => (account, cost, crash == 0));

    [Fact]
    public void What_is_promised_never_exceeds_the_limit_and_is_always_what_is_spent_and_held()
    {
        Charges.List[1, 200].Sample(charges =>
        {
            var store = new Store(Limit);
            foreach (var (account, cost, isCrash) in charges)
            {
                store.Charge(account, cost, isCrash);
                Assert.True(store.Promised.FitsIn(Limit));
                Assert.All(store.Held, held => Assert.True(held.IsNonNegative));
                Assert.Equal(store.Promised, store.Held.Aggregate(store.Spent, (sum, held) => sum + held));
            }
        }, iter: 2000);
    }

    [Fact]
    public void A_charge_is_refused_only_if_it_exceeds_the_limit_by_itself_after_taking_back()
    {
        Charges.List[1, 200].Sample(charges =>
        {
            var store = new Store(Limit);
            foreach (var (account, cost, _) in charges)
            {
                var fits = (store.Spent + cost).FitsIn(Limit);
                Assert.Equal(fits, store.Charge(account, cost, isCrash: false));
            }
        }, iter: 2000);
    }

    [Fact]
    public void Most_charges_far_from_the_limit_need_nothing_of_the_store()
    {
        var store = new Store(new PrivacyAmount(1L << 40, 1L << 40));
        for (var i = 0; i < 6400; i++)
            Assert.True(store.Charge(i % 5, new PrivacyAmount(1000, 1), isCrash: false));
        Assert.Equal(6400 / SlabRules.MostCharges, store.Reservations);
    }

    [Fact]
    public void Near_the_limit_nothing_is_reserved_beyond_the_charge()
    {
        // Less is left than 2 * 128 charges like it.
        Assert.Equal(new PrivacyAmount(10, 1), SlabRules.Reserve(new(2000, 1000), new(0, 0), default, new(10, 1)));
        Assert.Equal(new PrivacyAmount(7, 0), SlabRules.Reserve(new(2000, 1000), new(0, 0), new(3, 5), new(10, 1)));
        Assert.Equal(new PrivacyAmount(20, 2), SlabRules.Reserve(new(2560, 1000), new(0, 0), default, new(10, 1)));
        // To the last unit, and not beyond it.
        Assert.Equal(new PrivacyAmount(10, 1), SlabRules.Reserve(new(2000, 1000), new(1990, 999), default, new(10, 1)));
        Assert.Null(SlabRules.Reserve(new(2000, 1000), new(1991, 999), default, new(10, 1)));
        Assert.Null(SlabRules.Reserve(new(2000, 1000), new(1990, 1000), default, new(10, 1)));
        Assert.Equal(new PrivacyAmount(9, 1), SlabRules.Reserve(new(2000, 1000), new(1991, 999), new(1, 0), new(10, 1)));
    }

    [Theory]
    [InlineData(long.MaxValue, 0, 0, long.MaxValue)]
    [InlineData(long.MaxValue, 0, 0, long.MaxValue / 2)]
    [InlineData(long.MaxValue, 0, long.MaxValue, long.MaxValue)]
    [InlineData(long.MaxValue, long.MaxValue, 0, 1)]
    [InlineData(0, long.MaxValue, 5, 6)]
    public void The_largest_amounts_do_not_wrap(long limit, long promised, long held, long cost)
    {
        var reserved = SlabRules.Reserve(new(limit, limit), new(promised, promised), new(held, held), new(cost, cost));
        var fits = (Int128)promised + Int128.Max(0, (Int128)cost - held) <= limit;
        Assert.Equal(fits, reserved is not null);
        if (reserved is { } slab)
        {
            Assert.True(slab.IsNonNegative);
            Assert.True((Int128)held + slab.MuSquared >= cost && (Int128)promised + slab.MuSquared <= limit);
        }
    }

    [Fact]
    public void A_part_that_an_acknowledged_loss_has_left_beyond_its_limit_admits_nothing_more_of_it()
    {
        Assert.Null(SlabRules.Reserve(new(2000, 1000), new(2500, 0), default, new(1, 0)));
        // What is held already may still be used.
        Assert.Equal(default(PrivacyAmount), SlabRules.Reserve(new(2000, 1000), new(2500, 0), new(1, 0), new(1, 0)));
    }

    [Fact]
    public void Negative_amounts_are_an_error_of_the_caller()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => SlabRules.Reserve(Limit, default, default, new(-1, 0)));
        Assert.Throws<ArgumentOutOfRangeException>(() => SlabRules.Reserve(Limit, default, new(0, -1), new(1, 0)));
    }

    /// <summary>A store as a database keeps it: what is promised in one place, slabs in others.</summary>
    private sealed class Store(PrivacyAmount limit)
    {
        public PrivacyAmount[] Held { get; } = new PrivacyAmount[5];

        public PrivacyAmount Promised { get; private set; }

        public PrivacyAmount Spent { get; private set; }

        public int Reservations { get; private set; }

        /// <summary>Charges; a crash comes between reserving and charging.</summary>
        public bool Charge(int account, PrivacyAmount cost, bool isCrash)
        {
            if (!cost.FitsIn(Held[account]))
            {
                if (SlabRules.Reserve(limit, Promised, Held[account], cost) is not { } slab)
                {
                    foreach (ref var held in Held.AsSpan())
                    {
                        Promised -= held;
                        held = default;
                    }
                    if (SlabRules.Reserve(limit, Promised, Held[account], cost) is not { } last)
                        return false;
                    slab = last;
                }
                Promised += slab;
                Held[account] += slab;
                Reservations++;
            }
            if (isCrash)
                return false;
            Held[account] -= cost;
            Spent += cost;
            return true;
        }
    }
}
