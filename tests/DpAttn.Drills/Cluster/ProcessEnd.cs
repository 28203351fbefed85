namespace DpAttn.Drills;

/// <summary>Why a process ended.</summary>
internal enum EndReason
{
    /// <summary>It was told to stop.</summary>
    Told,

    /// <summary>It was cut off from others: the engine ends a silo that finds itself declared dead.</summary>
    CutOff,

    /// <summary>For nothing that was done to it.</summary>
    ByItself,
}

/// <summary>The end of a process that was not killed.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Reason">Why.</param>
/// <param name="Code">Its exit code.</param>
/// <param name="Noticed">When that was seen.</param>
internal sealed record ProcessEnd(string Name, EndReason Reason, int Code, DateTimeOffset Noticed);
