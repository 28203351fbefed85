using CsCheck;
using DpAttn.Privacy;
using DpAttn.Storage.Tests.Sqlite;
using static DpAttn.Privacy.LedgerDecision;

namespace DpAttn.Storage.Tests.Histories;

/// <summary>The check itself: what it lets through and what it finds.</summary>
public class LinearizabilityTests(ITestOutputHelper output)
{
    private static readonly PrivacyAmount Cost = new((long)(0.6 * Operation.Limits[0].Amount.MuSquared), 1);
    private static readonly History Setting = new(2, 0, []);
    private static readonly Charge First = new(0, 0, 0, 0, 0.6), Second = new(0, 0, 1, 0, 0.6);
    private static readonly Admitted Charged = new(Cost, Cost, IsReplay: false), Replay = new(PrivacyAmount.Zero, PrivacyAmount.Zero, IsReplay: true);

    private static readonly Refused TooMuch = new(
        RefusalReason.AccountLimit, Cost, Operation.Limits[0].Amount - Cost, new PrivacyAmount(2 * Cost.MuSquared - Operation.Limits[0].Amount.MuSquared, 0));

    [Fact]
    public void Of_two_charges_that_overlap_either_may_have_been_first()
    {
        Assert.True(Holds(new Call(First, 1, 4, Charged), new Call(Second, 2, 3, TooMuch)));
        Assert.True(Holds(new Call(First, 1, 4, TooMuch), new Call(Second, 2, 3, Charged)));
        Assert.False(Holds(new Call(First, 1, 4, Charged), new Call(Second, 2, 3, Charged)));
        Assert.False(Holds(new Call(First, 1, 4, TooMuch), new Call(Second, 2, 3, TooMuch)));
    }

    [Fact]
    public void What_ended_before_another_began_came_before_it()
    {
        Assert.True(Holds(new Call(First, 1, 2, Charged), new Call(Second, 3, 4, TooMuch)));
        Assert.False(Holds(new Call(First, 1, 2, TooMuch), new Call(Second, 3, 4, Charged)));
    }

    [Fact]
    public void A_request_is_charged_once_and_read_as_charged_from_then_on()
    {
        Assert.True(Holds(new Call(First, 1, 4, Replay), new Call(First, 2, 3, Charged)));
        Assert.False(Holds(new Call(First, 1, 4, Charged), new Call(First, 2, 3, Charged)));
        var read = new ReadAccount(0, 0);
        (PrivacyAmount, PrivacyAmount, int?) fresh = (Operation.Limits[0].Amount, PrivacyAmount.Zero, null), paid = (Operation.Limits[0].Amount, Cost, null);
        Assert.True(Holds(new Call(First, 1, 3, Charged), new Call(read, 2, 4, fresh)));
        Assert.True(Holds(new Call(First, 1, 3, Charged), new Call(read, 4, 5, paid)));
        Assert.False(Holds(new Call(First, 1, 3, Charged), new Call(read, 4, 5, fresh)));
        Assert.True(Holds(new Call(First, 1, 6, Charged), new Call(read, 2, 3, fresh), new Call(read, 4, 5, paid)));
        Assert.False(Holds(new Call(First, 1, 6, Charged), new Call(read, 2, 3, paid), new Call(read, 4, 5, fresh)));
    }

    [Fact]
    public void What_failed_changed_nothing_and_of_what_is_unknown_both_are_possible()
    {
        var read = new ReadAccount(0, 0);
        (PrivacyAmount, PrivacyAmount, int?) fresh = (Operation.Limits[0].Amount, PrivacyAmount.Zero, null), paid = (Operation.Limits[0].Amount, Cost, null);
        var failed = new Call(First, 1, 2, new StorageBusyException("full"));
        var unknown = new Call(First, 1, 2, new StorageOutcomeUnknownException("unknown"));
        Assert.True(Holds(failed, new Call(read, 3, 4, fresh)));
        Assert.False(Holds(failed, new Call(read, 3, 4, paid)));
        Assert.True(Holds(unknown, new Call(read, 3, 4, fresh), new Call(read, 5, 6, paid)));
        Assert.False(Holds(unknown, new Call(read, 3, 4, paid), new Call(read, 5, 6, fresh)));
    }

    /// <summary>The search finds, in real runs, what races are known for. Each fault is found in dozens of the 400 histories.</summary>
    [Theory]
    [InlineData(RacyFault.ChargesTwice)]
    [InlineData(RacyFault.LosesAnUpdate)]
    [InlineData(RacyFault.ReadsWhatWas)]
    public async Task A_ledger_with_a_race_is_found_out(RacyFault fault)
    {
        await using var storage = await SqliteUnderTest.CreateAsync();
        var racy = new RacyLedger(storage.Ledger, fault);
        var (number, found) = (0, 0);
        // Histories as they are drawn, without shrinking: the fault is counted.
        foreach (var history in History.Any.Array[400].Single())
            found += Linearizability.Holds(history, history.Run(new StoreId($"racy-{number++}"), racy)) ? 0 : 1;
        output.WriteLine($"found in {found} of 400");
        Assert.NotEqual(0, found);
    }

    private static bool Holds(params Call[] calls) => Linearizability.Holds(Setting, calls);
}
