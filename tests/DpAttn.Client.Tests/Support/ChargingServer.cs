using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using DpAttn.Contracts;

namespace DpAttn.Client.Tests;

/// <summary>A small HTTP/1.1 server on a socket of its own, which can break connections at will. Attend charges once per key; rows are counted.</summary>
internal sealed class ChargingServer : IDisposable
{
    private readonly TcpListener _listener;
    private readonly ConcurrentDictionary<string, bool> _charged = [];
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _attempts;

    public ChargingServer(int port = 0)
    {
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>This many first attempts are charged, and their connection is reset without an answer.</summary>
    public int BreaksAfterCharging { get; init; }

    /// <summary>This many first attempts are charged, and their answer breaks off in the middle.</summary>
    public int BreaksInAnswer { get; init; }

    /// <summary>Every n-th attempt is answered 503; 0 for none.</summary>
    public int BusyEvery { get; init; }

    public Func<int, Task>? BeforeAnswer { get; set; }

    public int Charges => _charged.Count;

    public int Attempts => _attempts;

    public Task Stopped => _stopped.Task;

    /// <summary>Bytes of .npy per batch.</summary>
    public ConcurrentDictionary<string, long> Batches { get; } = [];

    public static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    public static DpAttentionClient ClientOf(int port, Action<DpAttentionOptions>? configure = null)
    {
        var options = new DpAttentionOptions { Endpoint = new Uri($"http://127.0.0.1:{port}"), ApiKey = TestClient.ApiKey, RetryDelay = TimeSpan.FromMilliseconds(20) };
        configure?.Invoke(options);
        return new DpAttentionClient(options);
    }

    public DpAttentionClient Client(Action<DpAttentionOptions>? configure = null) => ClientOf(((IPEndPoint)_listener.LocalEndpoint).Port, configure);

    public void Dispose()
    {
        _stopped.TrySetResult();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = Task.Run(ServeAsync(await _listener.AcceptSocketAsync()));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Stopped.
        }
    }

    private Func<Task> ServeAsync(Socket socket) => async () =>
    {
        using (socket)
        using (var stream = new NetworkStream(socket))
        {
            try
            {
                while (await ReadAsync(stream) is { } sent && await AnswerAsync(sent, stream))
                {
                }
                socket.Close(timeout: 0); // a reset, not a polite end
            }
            catch (IOException)
            {
                // The client has gone.
            }
        }
    };

    private static async Task<SentRequest?> ReadAsync(NetworkStream stream)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (head.Count < 4 || !head[^4..].SequenceEqual("\r\n\r\n"u8.ToArray()))
        {
            if (await stream.ReadAsync(one) == 0)
                return null;
            head.Add(one[0]);
        }
        var lines = Encoding.ASCII.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = lines.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase);
        var body = new byte[int.Parse(headers.GetValueOrDefault("Content-Length", "0"), CultureInfo.InvariantCulture)];
        await stream.ReadExactlyAsync(body);
        var start = lines[0].Split(' ');
        return new SentRequest(start[0], new Uri("http://server" + start[1]), headers.GetValueOrDefault("Content-Type"), body.Length, body, headers);
    }

    private async Task<bool> AnswerAsync(SentRequest sent, NetworkStream stream)
    {
        if (sent.Headers.GetValueOrDefault("Authorization") != "Bearer " + TestClient.ApiKey)
            return await ReplyAsync(stream, HttpStatusCode.Unauthorized, Replies.Bytes(Problems.Of(HttpStatusCode.Unauthorized, ProblemCodes.Unauthenticated)));
        return sent.Target.EndsWith("/rows", StringComparison.Ordinal) ? await AppendAsync(sent, stream) : await AttendAsync(sent, stream);
    }

    private async Task<bool> AppendAsync(SentRequest sent, NetworkStream stream)
    {
        var parts = Multipart.Parse(sent);
        Batches[sent.Key!] = parts.Sum(part => (long)part.Body.Length);
        var header = Encoding.ASCII.GetString(parts[0].Body, 10, 118);
        var shape = header[(header.IndexOf('(', StringComparison.Ordinal) + 1)..].Split(',')[0];
        return await ReplyAsync(stream, HttpStatusCode.OK, Replies.Bytes(new AppendResult(sent.Key!, 0, int.Parse(shape, CultureInfo.InvariantCulture), false)));
    }

    private async Task<bool> AttendAsync(SentRequest sent, NetworkStream stream)
    {
        var attempt = Interlocked.Increment(ref _attempts);
        if (BusyEvery > 0 && attempt % BusyEvery == 0)
            return await ReplyAsync(stream, HttpStatusCode.ServiceUnavailable, Replies.Bytes(Problems.Of(HttpStatusCode.ServiceUnavailable, ProblemCodes.Busy, retryable: true)));
        var isNew = _charged.TryAdd(sent.Key!, true);
        if (BeforeAnswer is { } before)
            await before(attempt);
        if (attempt <= BreaksAfterCharging)
            return false;
        var first = sent.ContentType == "application/json"
            ? JsonDocument.Parse(sent.Body).RootElement.GetProperty("queries")[0][0].GetDouble()
            : BitConverter.ToSingle(sent.Body, 128);
        var reply = Replies.Bytes(Replies.Answers(1, 2, charged: isNew ? 1 : 0, replayed: !isNew) with { Outputs = [[first, 0]] });
        return await ReplyAsync(stream, HttpStatusCode.OK, reply, attempt <= BreaksInAnswer ? reply.Length / 2 : reply.Length);
    }

    private static async Task<bool> ReplyAsync(NetworkStream stream, HttpStatusCode status, byte[] body, int? bytes = null)
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {(int)status} {status}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n"));
        await stream.WriteAsync(body.AsMemory(0, bytes ?? body.Length));
        return (bytes ?? body.Length) == body.Length;
    }
}
