namespace DpAttn.Drills;

/// <summary>What is done to a cluster.</summary>
internal enum DisturbanceKind
{
    /// <summary>kill -9 of a silo.</summary>
    Kill,

    /// <summary>SIGSTOP of a silo.</summary>
    Freeze,

    /// <summary>SIGTERM of a silo.</summary>
    Stop,

    /// <summary>A silo more.</summary>
    Add,

    /// <summary>PostgreSQL stopped and started again.</summary>
    Database,

    /// <summary>A part of the network cut off.</summary>
    Cut,
}

/// <summary>Something that was done to a cluster.</summary>
/// <param name="Kind">What.</param>
/// <param name="What">To whom.</param>
/// <param name="Began">When.</param>
/// <param name="Ended">When it was over; of a kill when the process was gone.</param>
/// <param name="Watched">Until when calls belong to it: nothing else was done before.</param>
/// <param name="Away">Of the database: since when it was gone, and until when it had not been started again.</param>
internal sealed record Disturbance(DisturbanceKind Kind, string What, DateTimeOffset Began, DateTimeOffset Ended, DateTimeOffset Watched, (DateTimeOffset Gone, DateTimeOffset Back)? Away = null);
