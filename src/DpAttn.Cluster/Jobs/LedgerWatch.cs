using DpAttn.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DpAttn.Cluster;

/// <summary>
/// Lets the guard verify the ledger at the start of a silo. A start waits a moment for it, so that small ledgers take charges at once; larger ones are verified
/// while what is open is answered already. Then it lets the guard compare books with their marks, some every now and then, since another process may have died before it told the witness. What was found
/// is told to the log, loudly.
/// </summary>
internal sealed partial class LedgerWatch(LedgerGuard guard, LedgerFaults faults, ClusterOptions options, TimeProvider clock, ILogger<LedgerWatch> logger) : BackgroundService
{
    private static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(5);

    private readonly TaskCompletionSource _verified = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await guard.StartAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
        await Task.WhenAny(_verified.Task, Task.Delay(LongestStart, clock, cancellationToken));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        using var timer = new PeriodicTimer(options.JobInterval, clock);
        var told = false;
        try
        {
            do
            {
                await VerifyAsync(stoppingToken);
                if (guard.WitnessFailure is { } failure && !told)
                    LogWitness(Failures.Describe(failure));
                told = guard.WitnessFailure is not null;
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    /// <summary>Goes on with what is still to be verified; what fails is tried again.</summary>
    private async Task VerifyAsync(CancellationToken cancellationToken)
    {
        try
        {
            await guard.LookAgainAsync(cancellationToken);
            await guard.VerifyPendingAsync(
                report =>
                {
                    if (report.Reason is { } reason)
                        LogClosed(report.Store.Value, reason);
                    else
                        LogVerified(report.Store.Value, report.Entries, report.Books);
                },
                cancellationToken);
            await SeeAsync(cancellationToken);
            _verified.TrySetResult();
            await guard.CompareSomeAsync(cancellationToken);
            await SeeAsync(cancellationToken);
        }
        catch (StorageException e)
        {
            faults.SawNothing();
            LogFailure(Failures.Describe(e));
        }
    }

    private async Task SeeAsync(CancellationToken cancellationToken) => faults.Saw(await guard.CountSuspendedAsync(cancellationToken), guard.RefusesAll, guard.WitnessFailure is not null);

    [LoggerMessage(LogLevel.Critical, "The ledger of store {Store} is closed: {Reason}. Look into it with 'dpattn ledger verify'; 'dpattn restore --acknowledge' opens it again and refunds nothing")]
    private partial void LogClosed(string store, string reason);

    [LoggerMessage(LogLevel.Information, "The ledger of store {Store} is whole: {Entries} entries in {Books} books")]
    private partial void LogVerified(string store, long entries, long books);

    [LoggerMessage(LogLevel.Error, "The ledger could not be compared with its chains and its witness, and takes no charges before that was done once; this will be tried again: {Fault}")]
    private partial void LogFailure(string fault);

    [LoggerMessage(LogLevel.Error, "The ledger's witness cannot be written; charges do not run ahead of it by more than a second: {Fault}")]
    private partial void LogWitness(string fault);
}
