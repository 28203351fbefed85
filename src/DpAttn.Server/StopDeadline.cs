namespace DpAttn.Server;

/// <summary>
/// A server that was told to stop ends: in order while that goes, and otherwise a moment after the time that it was given. What is left then is what a crash leaves, which every part is made for.
/// </summary>
internal static class StopDeadline
{
    /// <summary>Told when a server was left behind.</summary>
    public const string Text = "the server did not stop in order in the time that it was given, as when its database does not answer, and ends without; nothing that was acknowledged is lost";

    // Leaving the cluster and closing the storage come after the requests under way.
    private static readonly TimeSpan Beyond = TimeSpan.FromSeconds(5);

    /// <summary>Runs a server until it is told to stop, and waits for its end no longer than its deadline.</summary>
    /// <param name="server">The server, which is disposed of.</param>
    /// <param name="shutdown">What it is given for requests under way.</param>
    /// <returns>False: it had not ended by then, and the process is to end now.</returns>
    public static async Task<bool> RunAsync(WebApplication server, TimeSpan shutdown)
    {
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = server.Lifetime.ApplicationStopping.Register(told.SetResult);
        var run = RunToEndAsync(server);
        if (await Task.WhenAny(run, told.Task) == told.Task && await Task.WhenAny(run, Task.Delay(shutdown + Beyond)) != run)
            return false;
        await run;
        return true;
    }

    private static async Task RunToEndAsync(WebApplication server)
    {
        await using (server)
            await server.RunAsync();
    }
}
