using System.Text.Json;
using System.Text.Json.Serialization;

namespace DpAttn.Drills.Load;

/// <summary>One thing that a client was told.</summary>
/// <param name="Account">Whose.</param>
/// <param name="Store">The store.</param>
/// <param name="Request">The idempotency key; null for what was asked without one.</param>
/// <param name="Release">The release; null where the store has none.</param>
/// <param name="Tier">The tier.</param>
/// <param name="Told">answered, refused, not-opened, or gave-up.</param>
/// <param name="IsCharged">Whether the answer said that it cost something.</param>
/// <param name="IsReplay">Whether the answer said that it is a replay.</param>
/// <param name="Digest">Of the answer's numbers.</param>
/// <param name="Query">Which queries were asked.</param>
/// <param name="Began">When the call was made.</param>
/// <param name="Ended">When it was answered, refused or given up.</param>
/// <param name="Code">Why it was given up.</param>
/// <param name="IsProbe">Whether it was made without retries.</param>
internal sealed record JournalLine(
    string Account, string Store, string? Request, string? Release, int? Tier, string Told, bool IsCharged = false, bool IsReplay = false, string? Digest = null,
    int Query = 0, DateTimeOffset Began = default, DateTimeOffset Ended = default, string? Code = null, bool IsProbe = false)
{
    public const string Answered = "answered", Refused = "refused", NotOpened = "not-opened", GaveUp = "gave-up";

    /// <summary>charged, replayed, free, refused, not-opened or gave-up.</summary>
    [JsonIgnore]
    public string Kind => Told != Answered ? Told : IsCharged ? "charged" : IsReplay ? "replayed" : "free";
}

/// <summary>What all clients were told, line by line in a file, as each would log it.</summary>
internal sealed class LoadJournal(string file) : IDisposable
{
    private readonly StreamWriter _writer = new(file);

    private readonly Dictionary<(string Store, string Kind), int> _counts = [];

    public int Lines { get; private set; }

    public void Write(JournalLine line)
    {
        var text = JsonSerializer.Serialize(line);
        lock (_writer)
        {
            _writer.WriteLine(text);
            Lines++;
            _counts[(line.Store, line.Kind)] = _counts.GetValueOrDefault((line.Store, line.Kind)) + 1;
        }
    }

    /// <summary>Lines by store and kind.</summary>
    public IReadOnlyDictionary<(string Store, string Kind), int> Count()
    {
        lock (_writer)
            return new Dictionary<(string Store, string Kind), int>(_counts);
    }

    /// <summary>Everything that was written so far.</summary>
    public IReadOnlyList<JournalLine> Read()
    {
        lock (_writer)
            _writer.Flush();
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream);
        var lines = new List<JournalLine>();
        while (reader.ReadLine() is { } text)
            lines.Add(JsonSerializer.Deserialize<JournalLine>(text)!);
        return lines;
    }

    public void Dispose() => _writer.Dispose();
}
