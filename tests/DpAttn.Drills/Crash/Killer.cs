namespace DpAttn.Drills.Crash;

/// <summary>
/// Kills the server in the middle of a phase and starts it again. A kill counts only when something was acknowledged since the last start and the phase
/// was still going on when the process died.
/// </summary>
internal sealed class Killer(ServerProcess server, Journal journal, int seed)
{
    private static readonly TimeSpan MarkerPatience = TimeSpan.FromSeconds(30);
    private readonly Random _random = new(seed);

    /// <summary>Runs a phase and kills the server under it.</summary>
    /// <param name="kills">How many counted kills.</param>
    /// <param name="isUnderWay">Whether the phase is in a state in which a kill counts; besides, something must have been acknowledged since the last start.</param>
    /// <param name="phase">The work; it goes on until it is told to stop, through every kill.</param>
    /// <param name="afterRestart">Looked at after each restart.</param>
    /// <returns>Counted kills.</returns>
    public async Task<int> RunAsync(int kills, Func<bool> isUnderWay, Func<CancellationToken, Task> phase, Func<Task> afterRestart)
    {
        using var stop = new CancellationTokenSource();
        var work = phase(stop.Token);
        var counted = 0;
        while (counted < kills && !work.IsCompleted)
        {
            var before = journal.Acknowledged;
            var end = DateTime.UtcNow + MarkerPatience;
            while (!work.IsCompleted && (journal.Acknowledged == before || !isUnderWay()) && DateTime.UtcNow < end)
                await Task.Delay(1, CancellationToken.None);
            if (journal.Acknowledged == before || !isUnderWay() || work.IsCompleted)
                break;
            await Task.Delay(_random.Next(0, 60), CancellationToken.None);
            var goesOn = isUnderWay() && !work.IsCompleted;
            await server.KillAsync();
            if (goesOn)
                counted++;
            await server.StartAsync();
            await afterRestart();
        }
        await stop.CancelAsync();
        await work;
        return counted;
    }
}
