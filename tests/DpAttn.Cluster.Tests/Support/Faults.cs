using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>How a call of the storage fails.</summary>
public enum Fault
{
    /// <summary>It fails and has changed nothing.</summary>
    Before,

    /// <summary>It was carried out, and its caller is told that nobody knows.</summary>
    After,

    /// <summary>It is carried out, and its caller hears nothing until it is released: a process that was stopped, or cut off.</summary>
    Hang,

    /// <summary>The disk is full.</summary>
    Full,

    /// <summary>The queue is full.</summary>
    Busy,

    /// <summary>What is stored is damaged.</summary>
    Corrupt,
}

/// <summary>Counts the calls of the storage and lets one of them fail.</summary>
internal sealed class FaultPlan
{
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _hanging = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _calls;

    /// <summary>The call that fails, counted from 1; 0 for none.</summary>
    public int FailingCall { get; init; }

    public Fault Fault { get; init; }

    /// <summary>Only these calls count; null for all.</summary>
    public Func<string, bool>? Counts { get; init; }

    /// <summary>What every call of a name does for as long as it is set; null for none.</summary>
    public Func<string, Fault?>? Every { get; set; }

    public int Calls => Volatile.Read(ref _calls);

    public bool HasFailed => FailingCall > 0 && Calls >= FailingCall;

    /// <summary>Ends when a call hangs.</summary>
    public Task Hanging => _hanging.Task;

    /// <summary>Lets the call that hangs go on.</summary>
    public void Release() => _released.TrySetResult();

    public async Task<T> RunAsync<T>(string name, Func<Task<T>> call)
    {
        var isTheOne = Counts?.Invoke(name) != false && Interlocked.Increment(ref _calls) == FailingCall;
        if ((Every?.Invoke(name) ?? (isTheOne ? Fault : null)) is not { } fault)
            return await call();
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
        }
        var result = await call();
        if (fault == Fault.After)
            throw new StorageOutcomeUnknownException($"{name}: planned");
        _hanging.TrySetResult();
        await _released.Task;
        return result;
    }
}
