namespace DpAttn.Cluster.Tests.Grains;

/// <summary>What a budget's activation remembers: never more than the ledger has, and nothing of it is read twice.</summary>
public sealed class BudgetCopyTests : IAsyncLifetime
{
    private readonly Bench _bench = new();
    private readonly List<TaskCompletionSource<AccountState?>> _reads = [];
    private readonly SemaphoreSlim _reading = new(0);
    private readonly Generation _generation;
    private readonly ManualClock _clock = new();
    private readonly BudgetCopy _copy;

    public BudgetCopyTests()
    {
        _generation = new Generation(_bench.Storage.Catalog, _clock);
        _copy = new BudgetCopy(Read, _generation, _clock, TimeSpan.FromSeconds(1));
    }

    public async ValueTask InitializeAsync() => await _generation.PollAsync();

    public async ValueTask DisposeAsync()
    {
        _reading.Dispose();
        await _bench.DisposeAsync();
    }

    [Fact]
    public async Task What_was_read_is_remembered_and_changes_are_added_to_it()
    {
        Assert.Equal(10, await AnswerAsync(_copy.GetAsync(), 10));
        Change(5);
        Change(7);
        Assert.Equal((22, 3), ((await _copy.GetAsync())!.SpentMuSquared, _copy.Known!.Sequence));
        Assert.Single(_reads);
    }

    /// <summary>The ledger has made it already, and the grain has not heard of it yet: the read holds it, and adding it would count it twice.</summary>
    [Fact]
    public async Task What_was_read_while_a_change_was_under_way_is_not_added_to()
    {
        _copy.Begin();
        Assert.Equal(15, await AnswerAsync(_copy.GetAsync(), 15));
        _copy.End(state => After(state, 5));
        Assert.Null(_copy.Known);
        Assert.Equal(15, await AnswerAsync(_copy.GetAsync(), 15));
    }

    [Fact]
    public async Task What_was_read_while_a_change_began_and_ended_is_not_remembered()
    {
        var reading = _copy.GetAsync();
        await _reading.WaitAsync();
        Change(5);
        _reads[0].SetResult(State(10));
        // Who asked before the change may be told what was before it.
        Assert.Equal(10, (await reading)!.SpentMuSquared);
        Assert.Null(_copy.Known);
    }

    [Fact]
    public async Task Two_changes_under_way_at_once_are_both_added_once()
    {
        await AnswerAsync(_copy.GetAsync(), 10);
        _copy.Begin();
        _copy.Begin();
        _copy.End(state => After(state, 5));
        _copy.End(state => After(state, 7));
        Assert.Equal(22, _copy.Known!.SpentMuSquared);
    }

    [Fact]
    public async Task A_change_of_which_nothing_is_known_drops_what_is_remembered()
    {
        await AnswerAsync(_copy.GetAsync(), 10);
        _copy.Begin();
        _copy.End(null);
        Assert.Null(_copy.Known);
    }

    /// <summary>The ledger admitted it, so its limit is another one by now.</summary>
    [Fact]
    public async Task What_would_stand_above_its_limit_is_read_anew()
    {
        await AnswerAsync(_copy.GetAsync(), 990);
        Change(10);
        Assert.Equal(1000, _copy.Known!.SpentMuSquared);
        Change(1);
        Assert.Null(_copy.Known);
    }

    [Fact]
    public async Task Who_asks_while_a_read_waits_shares_it_and_who_asks_once_it_has_begun_does_not()
    {
        var (first, second) = (_copy.GetAsync(), _copy.GetAsync());
        Assert.Same(first, second);
        await _reading.WaitAsync();
        var (third, fourth) = (_copy.GetAsync(), _copy.GetAsync());
        Assert.Same(third, fourth);
        Assert.NotSame(first, third);
        Assert.Single(_reads);
        _reads[0].SetResult(State(1));
        await first;
        Assert.Equal(2, await AnswerAsync(third, 2));
        Assert.Equal(2, _reads.Count);
    }

    [Fact]
    public async Task A_read_that_fails_fails_those_who_shared_it_and_no_other()
    {
        var first = _copy.GetAsync();
        await _reading.WaitAsync();
        var second = _copy.GetAsync();
        _reads[0].SetException(new InvalidOperationException("planned"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => first);
        Assert.Equal(3, await AnswerAsync(second, 3));
    }

    [Fact]
    public async Task A_read_that_hangs_keeps_the_next_one_waiting_for_a_while_only()
    {
        var copy = new BudgetCopy(Read, _generation, TimeProvider.System, TimeSpan.FromSeconds(1));
        _ = copy.GetAsync();
        await _reading.WaitAsync();
        Assert.Equal(4, await AnswerAsync(copy.GetAsync(), 4));
    }

    [Fact]
    public async Task It_is_forgotten_with_the_generation_and_after_a_poll()
    {
        await AnswerAsync(_copy.GetAsync(), 10);
        _generation.Drop();
        Assert.Null(_copy.Known);
        await AnswerAsync(_copy.GetAsync(), 10);
        Assert.NotNull(_copy.Known);
        _clock.Advance(TimeSpan.FromSeconds(1.1));
        await _generation.PollAsync();
        Assert.Null(_copy.Known);
    }

    [Theory]
    [InlineData(BudgetCopy.MostOpenKept, true)]
    [InlineData(BudgetCopy.MostOpenKept + 1, false)]
    public async Task An_account_that_has_opened_very_much_is_not_remembered(int tiers, bool isKept)
    {
        var reading = _copy.GetAsync();
        await _reading.WaitAsync();
        _reads[^1].SetResult(State(1) with { Opened = [.. Enumerable.Range(0, tiers).Select(i => new OpenTier($"r{i}", 0))] });
        await reading;
        Assert.Equal(isKept, _copy.Known is not null);
    }

    [Fact]
    public async Task An_account_without_a_grant_is_asked_for_again()
    {
        var reading = _copy.GetAsync();
        await _reading.WaitAsync();
        _reads[^1].SetResult(null);
        Assert.Null(await reading);
        Assert.Equal(1, await AnswerAsync(_copy.GetAsync(), 1));
    }

    private void Change(long cost)
    {
        _copy.Begin();
        _copy.End(state => After(state, cost));
    }

    /// <summary>Answers the read that a question leads to.</summary>
    private async Task<long> AnswerAsync(Task<AccountState?> question, long spent)
    {
        await _reading.WaitAsync();
        _reads[^1].SetResult(State(spent));
        return (await question)!.SpentMuSquared;
    }

    private Task<AccountState?> Read()
    {
        var read = new TaskCompletionSource<AccountState?>();
        _reads.Add(read);
        _reading.Release();
        return read.Task;
    }

    private static AccountState After(AccountState state, long cost) => state.After(new DpAttn.Privacy.PrivacyAmount(cost, 0));

    private static AccountState State(long spent) => new(1, 1000, 1000, spent, 0, [], 1);
}
