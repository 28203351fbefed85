using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Cluster.Tests;

/// <summary>What is paid for keeps being answered, what was opened elsewhere is seen within a poll, and the newest word counts.</summary>
public sealed class EntitlementsTests : IAsyncDisposable
{
    private static readonly AccountId Account = new("a");
    private static readonly StoreView Store = new(
        new StoreDocument { Name = "s", Incarnation = "i", Owner = "o", Definition = SchemaFactory.Resolve(Samples.Definition()), State = StoreDocument.Active, Created = default },
        StoreModel.Of(SchemaFactory.Resolve(Samples.Definition())),
        []);

    private readonly ManualClock _clock = new();
    private readonly Bench _bench;
    private readonly Generation _generation;
    private readonly Entitlements _entitlements;
    private int _loads;

    public EntitlementsTests()
    {
        _bench = new Bench(_clock);
        _generation = new Generation(_bench.Storage.Catalog, _clock);
        _entitlements = new Entitlements(_generation, _bench.Options, _clock);
    }

    [Fact]
    public async Task It_is_asked_once_a_poll_and_not_for_every_request()
    {
        await _generation.PollAsync();
        for (var i = 0; i < 5; i++)
            Assert.Equal(1, (await GetAsync(State(1)))!.State.Sequence);
        Assert.Equal(1, _loads);
        _clock.Advance(_bench.Options.GenerationPoll + TimeSpan.FromTicks(1));
        Assert.Equal(2, (await GetAsync(State(2)))!.State.Sequence);
        Assert.Equal(2, _loads);
    }

    [Fact]
    public async Task A_drop_of_the_generation_makes_it_ask_again()
    {
        await _generation.PollAsync();
        await GetAsync(State(1));
        _generation.Drop();
        Assert.Equal(2, (await GetAsync(State(2)))!.State.Sequence);
    }

    [Fact]
    public async Task Without_a_grant_nothing_is_remembered()
    {
        await _generation.PollAsync();
        Assert.Null(await GetAsync(null));
        Assert.Equal(1, (await GetAsync(State(1)))!.State.Sequence);
    }

    [Fact]
    public async Task What_the_ledger_said_last_answers_while_it_is_down_and_is_not_asked_for_every_request()
    {
        await _generation.PollAsync();
        await GetAsync(State(1));
        _generation.Drop();
        for (var i = 0; i < 5; i++)
            Assert.Equal(1, (await FailAsync(ProblemCodes.LedgerUnavailable))!.State.Sequence);
        Assert.Equal(2, _loads);
        _clock.Advance(_bench.Options.GenerationPoll + TimeSpan.FromTicks(1));
        Assert.Equal(2, (await GetAsync(State(2)))!.State.Sequence);
    }

    [Fact]
    public async Task A_ledger_that_is_down_opens_nothing()
    {
        await _generation.PollAsync();
        Assert.Equal(ProblemCodes.LedgerUnavailable, (await Assert.ThrowsAsync<ProblemException>(() => FailAsync(ProblemCodes.LedgerUnavailable))).Code);
        await GetAsync(State(1));
        Assert.Equal(ProblemCodes.LedgerUnavailable, (await Assert.ThrowsAsync<ProblemException>(() => FailAsync(ProblemCodes.LedgerUnavailable, isFresh: true))).Code);
    }

    [Fact]
    public async Task Only_silence_of_the_ledger_is_bridged()
    {
        await _generation.PollAsync();
        await GetAsync(State(1));
        _generation.Drop();
        Assert.Equal(ProblemCodes.InternalError, (await Assert.ThrowsAsync<ProblemException>(() => FailAsync(ProblemCodes.InternalError))).Code);
    }

    [Fact]
    public async Task Older_words_never_replace_newer_ones()
    {
        await _generation.PollAsync();
        _entitlements.Keep(Store, Account, State(7), _generation.Epoch, _clock.GetTimestamp());
        Assert.Equal(7, _entitlements.Keep(Store, Account, State(5), _generation.Epoch, _clock.GetTimestamp()).State.Sequence);
        Assert.Equal(7, (await GetAsync(State(6)))!.State.Sequence);
        Assert.Equal(7, (await GetAsync(State(6), isFresh: true))!.State.Sequence);
    }

    [Fact]
    public async Task While_one_caller_asks_again_the_others_are_answered_from_what_is_known()
    {
        await _generation.PollAsync();
        await GetAsync(State(1));
        _clock.Advance(_bench.Options.GenerationPoll + TimeSpan.FromTicks(1));
        var slow = new TaskCompletionSource<AccountState?>();
        var asking = _entitlements.GetAsync(Store, Account, false, () => slow.Task);
        Assert.Equal(1, (await _entitlements.GetAsync(Store, Account, false, () => throw new InvalidOperationException("it is being asked")))!.State.Sequence);
        slow.SetResult(State(2));
        Assert.Equal(2, (await asking)!.State.Sequence);
    }

    [Fact]
    public async Task A_caller_that_failed_to_ask_does_not_stop_the_others_for_ever()
    {
        await _generation.PollAsync();
        await GetAsync(State(1));
        _clock.Advance(_bench.Options.GenerationPoll * 2);
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await _entitlements.GetAsync(Store, Account, false, () => throw new OperationCanceledException()));
        _clock.Advance(_bench.Options.GenerationPoll * 2);
        Assert.Equal(2, (await GetAsync(State(2)))!.State.Sequence);
    }

    [Fact]
    public void Totals_that_could_not_be_read_after_a_charge_are_those_before_it_and_the_charge()
    {
        var before = State(3) with { Opened = [new OpenTier("r1", 2), new OpenTier("r2", 0)] };
        var after = before.After("r2", 1, new PrivacyAmount(70, 5));
        Assert.Equal((before.SpentMuSquared + 70, before.SpentSlack + 5, 4), (after.SpentMuSquared, after.SpentSlack, after.Sequence));
        Assert.Equal((2, 1), (after.TierOf("r1"), after.TierOf("r2")));
        Assert.Equal(1, after.After("r2", 0, PrivacyAmount.Zero).TierOf("r2"));
    }

    public ValueTask DisposeAsync() => _bench.DisposeAsync();

    private ValueTask<Entitlement?> GetAsync(AccountState? state, bool isFresh = false) => _entitlements.GetAsync(Store, Account, isFresh, () =>
    {
        _loads++;
        return Task.FromResult(state);
    });

    private async Task<Entitlement?> FailAsync(string code, bool isFresh = false) => await _entitlements.GetAsync(Store, Account, isFresh, () =>
    {
        _loads++;
        throw new ProblemException(code, "planned");
    });

    private static AccountState State(long sequence) => new(1, 1L << 40, 1L << 40, 1000 + sequence, 10, [], sequence);
}
