using System.Net;
using System.Security.Cryptography;
using DpAttn.Contracts;

namespace DpAttn.Client.Tests;

/// <summary>A copy of the database is what the server says it is, or nothing.</summary>
public class BackupTests
{
    private static readonly byte[] Content = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 7))];

    [Fact]
    public async Task A_whole_copy_is_written_and_checked()
    {
        var handler = ScriptedHandler.Of(() => Reply(Content, Digest(Content)));
        using var test = new TestClient(handler);
        using var target = new MemoryStream();
        await test.Client.BackupAsync(target);
        Assert.Equal(Content, target.ToArray());
        Assert.Equal(("GET", "/base/v1/backup", "application/octet-stream"), (handler.Only.Method, handler.Only.Target, handler.Only.Headers["Accept"]));
    }

    [Fact]
    public async Task A_copy_may_be_larger_than_an_answer()
    {
        using var test = new TestClient(ScriptedHandler.Of(() => Reply(Content, Digest(Content))), options => options.MaxResponseBytes = 64 * 1024);
        using var target = new MemoryStream();
        await test.Client.BackupAsync(target);
        Assert.Equal(Content.Length, target.Length);
    }

    [Fact]
    public async Task A_copy_with_another_digest_or_none_is_refused()
    {
        await RequireRefusedAsync(Reply(Content, Digest([1])), "damaged");
        await RequireRefusedAsync(Reply(Content, null), "without the digest");
        await RequireRefusedAsync(Reply(Content, "md5=:AAAA:"), "damaged");
    }

    [Fact]
    public async Task A_copy_that_breaks_off_is_refused_and_not_begun_again()
    {
        var handler = ScriptedHandler.Of(() =>
        {
            var response = new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(new Breaking()) };
            response.Content.Headers.ContentLength = Content.Length;
            response.Headers.TryAddWithoutValidation("Content-Digest", Digest(Content));
            return response;
        });
        using var test = new TestClient(handler);
        using var target = new MemoryStream();
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.BackupAsync(target));
        Assert.Contains("cut off after 1000 bytes", failure.Message);
        Assert.Single(handler.Sent);
    }

    [Fact]
    public async Task A_busy_server_is_asked_again_and_a_refusal_is_not()
    {
        var handler = ScriptedHandler.Of(() => Replies.Problem(HttpStatusCode.ServiceUnavailable, ProblemCodes.Busy, retryable: true), () => Reply(Content, Digest(Content)));
        using var test = new TestClient(handler);
        using var target = new MemoryStream();
        await test.Client.BackupAsync(target);
        Assert.Equal(2, handler.Sent.Count);

        handler = ScriptedHandler.Of(() => Replies.Problem(HttpStatusCode.Forbidden, ProblemCodes.Forbidden));
        using var other = new TestClient(handler);
        await Assert.ThrowsAsync<DpAttentionException>(() => other.Client.BackupAsync(new MemoryStream()));
        Assert.Single(handler.Sent);
    }

    [Fact]
    public async Task A_ledger_that_is_closed_is_no_reason_to_ask_again()
    {
        var handler = ScriptedHandler.Of(() => Replies.Problem(HttpStatusCode.ServiceUnavailable, ProblemCodes.LedgerClosed, retryable: false));
        using var test = new TestClient(handler);
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.AttendAsync("packages", new float[] { 1 }));
        Assert.Equal(ProblemCodes.LedgerClosed, failure.Code);
        Assert.Single(handler.Sent);
    }

    private static async Task RequireRefusedAsync(HttpResponseMessage reply, string why)
    {
        var handler = ScriptedHandler.Of(() => reply);
        using var test = new TestClient(handler);
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.BackupAsync(new MemoryStream()));
        Assert.Contains(why, failure.Message);
        Assert.Single(handler.Sent);
    }

    private static HttpResponseMessage Reply(byte[] content, string? digest)
    {
        var response = Replies.Body(content, "application/octet-stream", HttpStatusCode.OK);
        if (digest is not null)
            response.Headers.TryAddWithoutValidation("Content-Digest", digest);
        return response;
    }

    private static string Digest(byte[] content) => $"sha-256=:{Convert.ToBase64String(SHA256.HashData(content))}:";

    private sealed class Breaking : MemoryStream
    {
        private bool _isCut;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_isCut)
                throw new IOException("the connection was reset");
            _isCut = true;
            Content.AsSpan(0, 1000).CopyTo(buffer.Span);
            return ValueTask.FromResult(1000);
        }
    }
}
