using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using DpAttn.Contracts;

namespace DpAttn.Client.Tests;

/// <summary>Whatever a server, or something in front of it, answers: a clear failure, in bounded time and memory.</summary>
public class HostileReplyTests
{
    private static readonly float[] Query = [0.5f, 0.25f];

    [Theory]
    [InlineData("")]
    [InlineData("<html>hello</html>")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"outputs":[[1]]}""")]
    [InlineData("{\"outputs\":")]
    public async Task A_success_that_is_not_the_documented_JSON_fails_clearly_and_is_not_retried(string body)
    {
        var handler = ScriptedHandler.Of(() => Replies.Text(body, HttpStatusCode.OK, "application/json"));
        using var test = new TestClient(handler);
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.AttendAsync("packages", Query));
        Assert.StartsWith("attend to store 'packages': the server's answer (200) is ", failure.Message);
        Assert.Single(handler.Sent);
    }

    [Theory]
    [InlineData("outputs", "[[1,2],[3,4]]")]
    [InlineData("outputs", "[]")]
    [InlineData("outputs", "[[]]")]
    [InlineData("outputs", "[[1,2,3]]")]
    [InlineData("outputs", "[[1,null]]")]
    [InlineData("outputs", "[1,2]")]
    [InlineData("outputs", "[[1,1e999]]")]
    [InlineData("outputs", "[[1,\"2\"]]")]
    [InlineData("outputs", "[[[1],[2]]]")]
    [InlineData("outputs", "null")]
    [InlineData("noiseDeviations", "[[1]]")]
    [InlineData("noiseDeviations", "[]")]
    [InlineData("intervalLow", "[[1,2],[1,2]]")]
    [InlineData("intervalHigh", "[[1]]")]
    [InlineData("indistinguishableFromMean", "[]")]
    [InlineData("indistinguishableFromMean", "[true,false]")]
    [InlineData("privacy", "null")]
    [InlineData("privacy", "{}")]
    public async Task Answers_of_another_shape_are_refused_whole(string property, string value)
    {
        var body = JsonNode.Parse(Replies.Bytes(Replies.Answers(1, 2)))!.AsObject();
        body[property] = JsonNode.Parse(value);
        var handler = ScriptedHandler.Of(() => Replies.Text(body.ToJsonString(), HttpStatusCode.OK, "application/json"));
        using var test = new TestClient(handler);
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.AttendAsync("packages", Query));
        Assert.Contains("the server's answer (200)", failure.Message);
    }

    [Theory]
    [InlineData("outputs")]
    [InlineData("noise_deviations")]
    [InlineData("interval_low")]
    [InlineData("interval_high")]
    [InlineData("header Privacy-Tier")]
    [InlineData("header Privacy-Tier-Epsilon")]
    [InlineData("header Privacy-Delta")]
    [InlineData("header Privacy-Epsilon-Charged")]
    [InlineData("header Privacy-Epsilon-Spent")]
    [InlineData("header Privacy-Epsilon-Remaining")]
    [InlineData("header Privacy-Kernel-Error-Bound")]
    public Task An_archive_that_lacks_a_part_is_refused_whole(string part) =>
        RefusesArchiveAsync(part.StartsWith("header ", StringComparison.Ordinal)
            ? () => NpzReply.Of(Replies.Answers(2, 2), leaveOutHeader: part["header ".Length..])
            : () => NpzReply.Of(Replies.Answers(2, 2), leaveOut: part));

    [Theory]
    [InlineData("outputs", "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 4), }", 32)]
    [InlineData("outputs", "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 0), }", 0)]
    [InlineData("outputs", "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", 16)]
    [InlineData("outputs", "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 2), }", 32)]
    [InlineData("outputs", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", 32)]
    [InlineData("outputs", "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 99999999999), }", 32)]
    [InlineData("outputs", "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 16777216), }", 32)]
    [InlineData("outputs", "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }", 31)]
    [InlineData("outputs", "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }", 33)]
    [InlineData("outputs", "nonsense", 32)]
    [InlineData("interval_low", "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1), }", 16)]
    [InlineData("noise_deviations", "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", 48)]
    [InlineData("indistinguishable", "{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }", 3)]
    [InlineData("indistinguishable", "{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", 1)]
    [InlineData("indistinguishable", "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", 2)]
    public Task An_archive_of_other_shapes_is_refused_whole(string member, string header, int bytes) =>
        RefusesArchiveAsync(() => NpzReply.Of(Replies.Answers(2, 2), change: (name, content) => name == member ? NpzReply.Npy(header, new byte[bytes]) : content));

    [Theory]
    [InlineData("outputs")]
    [InlineData("interval_low")]
    [InlineData("interval_high")]
    public Task Numbers_that_are_not_finite_are_refused(string member) =>
        RefusesArchiveAsync(() => NpzReply.Of(Replies.Answers(2, 2), change: (name, content) => name == member ? [.. content[..^8], .. BitConverter.GetBytes(double.NaN)] : content));

    [Fact]
    public async Task An_archive_that_is_cut_anywhere_is_refused()
    {
        var whole = await NpzReply.Of(Replies.Answers(2, 2)).Content.ReadAsByteArrayAsync();
        for (var cut = 0; cut < whole.Length; cut += 5)
        {
            await RefusesArchiveAsync(() =>
            {
                var reply = NpzReply.Of(Replies.Answers(2, 2));
                reply.Content = new ByteArrayContent(whole[..cut]) { Headers = { ContentType = new("application/x-npz") } };
                return reply;
            });
        }
    }

    [Fact]
    public async Task A_property_twice_is_refused()
    {
        var body = Encoding.UTF8.GetString(Replies.Bytes(Replies.Budget())).Replace("\"spent\":1,", "\"spent\":1,\"spent\":0,");
        using var test = new TestClient(ScriptedHandler.Of(() => Replies.Text(body, HttpStatusCode.OK, "application/json")));
        await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.GetBudgetAsync("packages"));
    }

    [Fact]
    public async Task Unknown_properties_of_a_newer_server_are_passed_over()
    {
        var body = Encoding.UTF8.GetString(Replies.Bytes(Replies.Budget())).Replace("\"spent\":1,", "\"spent\":1,\"novelty\":{\"a\":[1]},");
        using var test = new TestClient(ScriptedHandler.Of(() => Replies.Text(body, HttpStatusCode.OK, "application/json")));
        Assert.Equal(1, (await test.Client.GetBudgetAsync("packages")).Spent);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public async Task An_answer_is_read_up_to_the_cap_exactly(int beyond, bool fits)
    {
        const int Cap = 64 * 1024;
        var budget = Replies.Bytes(Replies.Budget());
        var body = new byte[Cap + beyond];
        body.AsSpan().Fill((byte)' ');
        budget.CopyTo(body.AsSpan(0));
        foreach (var announced in new[] { true, false })
        {
            var handler = ScriptedHandler.Of(() =>
            {
                var response = new HttpResponseMessage { Content = announced ? new ByteArrayContent(body) : new StreamContent(new Endless(body.Length, body)) };
                response.Content.Headers.ContentType = new("application/json");
                return response;
            });
            using var test = new TestClient(handler, o => o.MaxResponseBytes = Cap);
            if (fits)
            {
                Assert.Equal("acc1", (await test.Client.GetBudgetAsync("packages")).Account);
                continue;
            }
            var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.GetBudgetAsync("packages"));
            Assert.Contains("longer than MaxResponseBytes (65536 bytes)", failure.Message);
        }
    }

    [Fact]
    public async Task An_endless_answer_is_cut_off_and_an_announced_length_is_not_allocated()
    {
        var stream = new Endless(long.MaxValue);
        var handler = ScriptedHandler.Of(() => new HttpResponseMessage { Content = new StreamContent(stream) });
        using var test = new TestClient(handler, o => o.MaxResponseBytes = 1 << 20);
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.GetBudgetAsync("packages"));
        Assert.Contains("MaxResponseBytes", failure.Message);
        Assert.InRange(stream.Given, 1, 2 << 20);

        var before = GC.GetTotalAllocatedBytes(precise: true);
        using var liar = new TestClient(ScriptedHandler.Of(() =>
        {
            var response = new HttpResponseMessage { Content = new StreamContent(new MemoryStream([(byte)'{'])) };
            response.Content.Headers.ContentLength = 250 << 20;
            return response;
        }));
        await Assert.ThrowsAsync<DpAttentionException>(() => liar.Client.GetBudgetAsync("packages"));
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 50 << 20);
    }

    [Fact]
    public async Task An_endless_problem_is_not_read_to_its_end()
    {
        var stream = new Endless(long.MaxValue);
        var handler = ScriptedHandler.Of(() => new HttpResponseMessage(HttpStatusCode.BadRequest) { Content = new StreamContent(stream) });
        using var test = new TestClient(handler);
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.GetBudgetAsync("packages"));
        Assert.Equal("read the budget at store 'packages': the server answered 400 BadRequest without a problem that this client understands", failure.Message);
        Assert.InRange(stream.Given, 1, 1 << 20);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("not json")]
    [InlineData("""{"type":"about:blank","title":"Not Found","status":404}""")]
    [InlineData("""{"type":null,"title":null,"status":404,"detail":null,"code":null,"retryable":false,"traceId":null}""")]
    public async Task A_refusal_without_our_problem_names_the_status_and_a_likely_cause(string body)
    {
        using var test = new TestClient(ScriptedHandler.Of(() => Replies.Text(body, HttpStatusCode.NotFound, "application/problem+json")));
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.GetStoreAsync("packages"));
        Assert.Null(failure.Problem);
        Assert.Equal(HttpStatusCode.NotFound, failure.Status);
        Assert.EndsWith("404 NotFound without a problem that this client understands; is Endpoint the address of a DpAttn server?", failure.Message);
    }

    [Fact]
    public async Task A_redirect_is_not_followed_and_names_the_option()
    {
        var handler = ScriptedHandler.Of(() =>
        {
            var response = new HttpResponseMessage(HttpStatusCode.TemporaryRedirect);
            response.Headers.Location = new Uri("https://elsewhere.test/");
            return response;
        });
        using var test = new TestClient(handler);
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.GetStoreAsync("packages"));
        Assert.Single(handler.Sent);
        Assert.Contains("set Endpoint", failure.Message);
    }

    [Fact]
    public async Task A_problems_text_cannot_steer_a_terminal_or_fill_a_log()
    {
        var detail = "a\u001b[2Jb\r\nc\u0000d\u009be\u202ef" + new string('x', 10_000);
        using var test = new TestClient(ScriptedHandler.Of(() => Replies.Problem(HttpStatusCode.BadRequest, ProblemCodes.InvalidRequest, detail: detail)));
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.GetStoreAsync("packages"));
        Assert.DoesNotContain(failure.Message, c => char.IsControl(c) || c == '\u202e');
        Assert.Contains("a [2Jb  c d e f", failure.Message);
        Assert.InRange(failure.Message.Length, 100, 2200);
        Assert.DoesNotContain(failure.Problem!.Detail, char.IsControl);
    }

    [Fact]
    public async Task Pages_that_lead_in_circles_end()
    {
        using var ledger = new TestClient(ScriptedHandler.Of(() => Replies.Json(new LedgerPage([], "c1"))));
        await Assert.ThrowsAsync<DpAttentionException>(async () => await ledger.Client.ListLedgerAsync("packages").ToListAsync());
        using var audit = new TestClient(ScriptedHandler.Of(() => Replies.Json(new AuditPage([], 5))));
        await Assert.ThrowsAsync<DpAttentionException>(async () => await audit.Client.ListAuditAsync(after: 5).ToListAsync());
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    public async Task An_account_id_that_would_change_the_address_is_refused(string account)
    {
        var handler = ScriptedHandler.Of(() => Replies.Json(new AccountReference(account)));
        using var test = new TestClient(handler);
        await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.GrantAsync("packages", "ada", 1));
        Assert.Single(handler.Sent);
    }

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a\u0000b")]
    public async Task A_store_name_that_would_change_the_address_is_refused_before_anything_is_sent(string store)
    {
        var handler = ScriptedHandler.Of(() => Replies.Json(Replies.Store()));
        using var test = new TestClient(handler);
        await Assert.ThrowsAsync<ArgumentException>(() => test.Client.DeleteStoreAsync(store));
        await Assert.ThrowsAsync<ArgumentException>(() => test.Client.GetReleaseAsync("packages", store));
        await Assert.ThrowsAsync<ArgumentException>(() => test.Client.RevokeKeyAsync(store));
        Assert.Empty(handler.Sent);
    }

    [Theory]
    [InlineData("../v1/keys")]
    [InlineData("a/b?c#d%2e")]
    public async Task Other_characters_are_escaped(string store)
    {
        var handler = ScriptedHandler.Of(() => Replies.Json(Replies.Store()));
        using var test = new TestClient(handler);
        await test.Client.GetStoreAsync(store);
        Assert.Equal("/base/v1/stores/" + Uri.EscapeDataString(store), handler.Only.Target);
    }

    private static async Task RefusesArchiveAsync(Func<HttpResponseMessage> reply)
    {
        var handler = ScriptedHandler.Of(reply);
        using var test = new TestClient(handler);
        var failure = await Assert.ThrowsAsync<DpAttentionException>(() => test.Client.AttendAsync("packages", new float[4], 2));
        Assert.Equal("attend to store 'packages': the server's answer (200) is not a whole .npz of 2 answers with their error bars and their privacy record", failure.Message);
        Assert.Single(handler.Sent);
    }

    /// <summary>A stream of a stated length, or without an end, that counts what it gave.</summary>
    private sealed class Endless(long length, byte[]? content = null) : Stream
    {
        public long Given { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var give = (int)Math.Min(count, length - Given);
            if (content is null)
                buffer.AsSpan(offset, give).Fill((byte)' ');
            else
                content.AsSpan((int)Given, give).CopyTo(buffer.AsSpan(offset));
            Given += give;
            return give;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
