using System.Collections.Concurrent;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>How a call of the storage fails.</summary>
public enum Fault
{
    /// <summary>It fails and has changed nothing.</summary>
    Before,

    /// <summary>It was carried out, and its caller is told that nobody knows.</summary>
    After,

    /// <summary>It is carried out, and its caller hears nothing until it gives up or the call is released: a process that was stopped, or cut off.</summary>
    Hang,

    /// <summary>Its caller is held up before it; once it is released, it is carried out.</summary>
    Held,

    /// <summary>It is carried out late, when its caller may have given up and asked again.</summary>
    Late,

    /// <summary>A read is answered with what it said before: a replica that is behind.</summary>
    Stale,

    /// <summary>The disk is full.</summary>
    Full,

    /// <summary>The queue is full.</summary>
    Busy,

    /// <summary>What is stored is damaged.</summary>
    Corrupt,
}

/// <summary>Counts the calls of the storage and lets some of them fail.</summary>
internal sealed class FaultPlan
{
    private const int AnswersKept = 8;
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _hanging = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<string, ConcurrentQueue<object?>> _answers = new();
    private int _calls;
    private int _underWay;

    /// <summary>The call that fails, counted from 1; 0 for none.</summary>
    public int FailingCall { get; init; }

    public Fault Fault { get; init; }

    /// <summary>Only these calls count; null for all.</summary>
    public Func<string, bool>? Counts { get; init; }

    /// <summary>What every call of a name does for as long as it is set; null for none.</summary>
    public Func<string, Fault?>? Every { get; set; }

    /// <summary>Told every blob that is offered for storage, before anything becomes of it; null for nobody.</summary>
    public Action<BlobKey, ReadOnlyMemory<byte>>? Offered { get; init; }

    /// <summary>After how long a call that hangs ends by itself, its outcome unknown; a deadline of the storage's own.</summary>
    public TimeSpan HangsFor { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>How late a call is that is late.</summary>
    public TimeSpan Lateness { get; init; } = TimeSpan.FromMilliseconds(100);

    public int Calls => Volatile.Read(ref _calls);

    public bool HasFailed => FailingCall > 0 && Calls >= FailingCall;

    /// <summary>Calls that have not ended: late ones may still change something.</summary>
    public int UnderWay => Volatile.Read(ref _underWay);

    /// <summary>Ends when a call hangs or is held up.</summary>
    public Task Hanging => _hanging.Task;

    /// <summary>Lets the calls that hang or are held up go on.</summary>
    public void Release() => _released.TrySetResult();

    /// <summary>Carries out a call, or lets it fail.</summary>
    /// <param name="name">What it does.</param>
    /// <param name="call">The call.</param>
    /// <param name="cancellationToken">Its caller's: ends a call that hangs.</param>
    /// <param name="question">For a read that may be stale, what it asks: the same question has had the earlier answers.</param>
    public async Task<T> RunAsync<T>(string name, Func<Task<T>> call, CancellationToken cancellationToken = default, string? question = null)
    {
        var isTheOne = Counts?.Invoke(name) != false && Interlocked.Increment(ref _calls) == FailingCall;
        var fault = Every?.Invoke(name) ?? (isTheOne ? Fault : null);
        Interlocked.Increment(ref _underWay);
        try
        {
            return await RunAsync(name, fault, call, question, cancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }

    private async Task<T> RunAsync<T>(string name, Fault? fault, Func<Task<T>> call, string? question, CancellationToken cancellationToken)
    {
        switch (fault)
        {
            case Fault.Before:
                throw new StorageUnavailableException($"{name}: planned");
            case Fault.Full:
                throw new StorageFullException($"{name}: planned");
            case Fault.Busy:
                throw new StorageBusyException($"{name}: planned");
            case Fault.Corrupt:
                throw new StorageCorruptException($"{name}: planned");
            case Fault.Held:
                _hanging.TrySetResult();
                await HangAsync(name, cancellationToken);
                break;
            case Fault.Late:
                await Task.Delay(Lateness, CancellationToken.None);
                break;
            case Fault.Stale when question is not null && _answers.TryGetValue(question, out var earlier) && earlier.TryPeek(out var old):
                return (T)old!;
        }
        var result = await call();
        if (question is not null)
            Remember(question, result);
        if (fault == Fault.After)
            throw new StorageOutcomeUnknownException($"{name}: planned");
        if (fault == Fault.Hang)
        {
            _hanging.TrySetResult();
            await HangAsync(name, cancellationToken);
        }
        return result;
    }

    private async Task HangAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            await _released.Task.WaitAsync(HangsFor, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new StorageOutcomeUnknownException($"{name}: planned");
        }
    }

    private void Remember(string question, object? answer)
    {
        var answers = _answers.GetOrAdd(question, _ => new ConcurrentQueue<object?>());
        answers.Enqueue(answer);
        if (answers.Count > AnswersKept)
            answers.TryDequeue(out _);
    }
}
