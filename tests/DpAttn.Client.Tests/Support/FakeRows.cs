using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using DpAttn.Contracts;

namespace DpAttn.Client.Tests;

/// <summary>The rows of a store behind HTTP: a batch is kept once, by its id.</summary>
internal sealed class FakeRows
{
    private int _answered;
    private int _durable;
    private int _replays;

    public FakeRows() => Handler = new ScriptedHandler(AnswerAsync);

    public ScriptedHandler Handler { get; }

    public ConcurrentDictionary<string, float[]> Batches { get; } = [];

    /// <summary>Batches from this number on are refused.</summary>
    public int RefuseFrom { get; set; } = int.MaxValue;

    public string RefuseWith { get; set; } = ProblemCodes.Unauthenticated;

    public Func<Task>? OnBatch { get; set; }

    public int Answered => _answered;

    public int DurableRows => _durable;

    public int Replays => _replays;

    /// <summary>The first number of every key, batch after batch.</summary>
    public IEnumerable<float> FirstNumbers() =>
        Batches.OrderBy(batch => batch.Key, StringComparer.Ordinal).SelectMany(batch => batch.Value.Where((_, i) => i % 2 == 0));

    private async Task<HttpResponseMessage> AnswerAsync(SentRequest sent, CancellationToken cancellationToken)
    {
        if (OnBatch is { } pause)
            await pause();
        await Task.Yield();
        try
        {
            var id = sent.Key!;
            if (int.Parse(id.AsSpan(id.LastIndexOf('-') + 1), CultureInfo.InvariantCulture) >= RefuseFrom)
                return Replies.Problem(HttpStatusCode.UnprocessableEntity, RefuseWith);
            var keys = Multipart.Parse(sent)[0].Body;
            var numbers = MemoryMarshal.Cast<byte, float>(keys.AsSpan(10 + (keys[8] | keys[9] << 8))).ToArray();
            var isNew = Batches.TryAdd(id, numbers);
            if (isNew)
                Interlocked.Add(ref _durable, numbers.Length / 2);
            else
                Interlocked.Increment(ref _replays);
            return Replies.Json(new AppendResult(id, 0, numbers.Length / 2, !isNew));
        }
        finally
        {
            Interlocked.Increment(ref _answered);
        }
    }
}
