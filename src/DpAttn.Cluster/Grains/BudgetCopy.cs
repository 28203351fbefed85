namespace DpAttn.Cluster;

/// <summary>
/// What an activation remembers of its account's totals, to look at; the ledger decides. What the activation itself changes is added to it, so that a charge is
/// followed by no read; what is changed elsewhere is seen a poll later. Used by one turn at a time, as grains are.
/// </summary>
/// <param name="read">Reads the ledger.</param>
/// <param name="generation">Drops what is remembered.</param>
/// <param name="clock">The time.</param>
/// <param name="longest">For how long it is remembered.</param>
internal sealed class BudgetCopy(Func<Task<AccountState?>> read, Generation generation, TimeProvider clock, TimeSpan longest)
{
    /// <summary>An account that has opened more is read anew each time: a grain stays small whatever its account did.</summary>
    public const int MostOpenKept = 256;

    // How long a read waits for the one before it: one that hangs must not keep all others waiting.
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(0.5);

    private AccountState? _state;
    private long _epoch;
    private long _readAt;
    private int _underWay;
    private long _begun;
    private Task? _running;
    private Task<AccountState?>? _next;

    /// <summary>What is remembered and may be believed, or null.</summary>
    public AccountState? Known => _state is not null && _epoch == generation.Epoch && generation.IsFresh && clock.GetElapsedTime(_readAt) <= longest ? _state : null;

    /// <summary>The totals, with every change of this activation that has ended; null without a grant.</summary>
    public Task<AccountState?> GetAsync() => Known is { } known ? Task.FromResult<AccountState?>(known) : _next ??= ReadAsync(_running);

    /// <summary>A change is handed to the ledger.</summary>
    public void Begin()
    {
        _begun++;
        _underWay++;
    }

    /// <summary>It has ended.</summary>
    /// <param name="after">What it made of the totals; null when that is not known.</param>
    public void End(Func<AccountState, AccountState>? after)
    {
        _underWay--;
        var state = after is not null && Known is { } known ? after(known) : null;
        // Above its limit by the sum of both: the limit was raised elsewhere.
        Keep(state?.Spent.FitsIn(state.Limit) == true ? state : null);
    }

    /// <summary>One read at a time. One that has not begun yet is shared by all that ask meanwhile; one that has may be older than what they ask for.</summary>
    private async Task<AccountState?> ReadAsync(Task? before)
    {
        await Task.Yield();
        if (before is not null)
            await before.WaitAsync(Turn, clock).ConfigureAwait(ConfigureAwaitOptions.ContinueOnCapturedContext | ConfigureAwaitOptions.SuppressThrowing);
        var own = _running = _next;
        _next = null;
        try
        {
            var (epoch, begun, underWay, began) = (generation.Epoch, _begun, _underWay, clock.GetTimestamp());
            var state = await read();
            // A change that was under way meanwhile may be in what was read, and would be added once more.
            if (begun == _begun && underWay == 0)
            {
                (_epoch, _readAt) = (epoch, began);
                Keep(state);
            }
            return state;
        }
        finally
        {
            // What was read must not be kept alive by the task that read it.
            if (_running == own)
                _running = null;
        }
    }

    private void Keep(AccountState? state) => _state = state?.Opened.Length <= MostOpenKept ? state : null;
}
