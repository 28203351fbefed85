using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DpAttn.Contracts;

namespace DpAttn.Client.Tests;

/// <summary>Method, path, headers and body of every call, as the server's table of routes has them.</summary>
public class WireFormatTests
{
    [Fact]
    public async Task Creating_a_store_puts_its_definition()
    {
        var sent = await SendAsync(Replies.Store(), client => client.EnsureStoreAsync("packages", Replies.Definition));
        Expect(sent, "PUT", "/base/v1/stores/packages", isChange: true);
        ExpectJson("""
            {"keyDimension":2,"valueDimension":1,"keys":{"ball":{"radius":1}},"values":{"radius":1},"adjacency":"replace-one",
             "mechanism":{"name":"moment-tree"},"delta":1E-06,"ladder":[0.5,1],"limit":1,"capacity":100,"shards":4}
            """, sent.Text);
    }

    [Fact]
    public async Task Reading_a_store_gets_it()
    {
        StoreDescription? store = null;
        var sent = await SendAsync(Replies.Store(), async client => store = await client.GetStoreAsync("packages"));
        Expect(sent, "GET", "/base/v1/stores/packages", isChange: false);
        Assert.Equal(JsonSerializer.Serialize(Replies.Store()), JsonSerializer.Serialize(store));
    }

    [Fact]
    public async Task Listing_stores_gets_an_array()
    {
        IReadOnlyList<StoreDescription> stores = [];
        var sent = await SendAsync(new[] { Replies.Store("a"), Replies.Store("b") }, async client => stores = await client.ListStoresAsync());
        Expect(sent, "GET", "/base/v1/stores", isChange: false);
        Assert.Equal(["a", "b"], stores.Select(store => store.Name));
    }

    [Fact]
    public async Task Deleting_a_store_deletes_it()
    {
        var sent = await SendAsync<object?>(null, client => client.DeleteStoreAsync("packages"));
        Expect(sent, "DELETE", "/base/v1/stores/packages", isChange: true);
    }

    [Fact]
    public async Task A_batch_is_two_npy_parts_under_its_own_key()
    {
        var sent = await SendAsync(
            new AppendResult("b1", 0, 2, false),
            client => client.AppendAsync("packages", "b1", new float[] { 1, 2, 3, 4, 5, 6 }, new float[] { 7, 8 }, 2));
        Expect(sent, "POST", "/base/v1/stores/packages/rows", isChange: true);
        Assert.Equal("b1", sent.Key);
        Assert.Equal(sent.Body.Length, sent.ContentLength);
        var parts = Multipart.Parse(sent);
        Assert.Equal(["keys", "values"], parts.Select(part => part.Name));
        Assert.All(parts, part => Assert.Equal("application/x-npy", part.ContentType));
        AssertNpy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", [1, 2, 3, 4, 5, 6], parts[0].Body);
        AssertNpy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }", [7, 8], parts[1].Body);
    }

    [Fact]
    public async Task Erasing_a_row_names_batch_and_index()
    {
        var sent = await SendAsync<object?>(null, client => client.EraseRowAsync("packages", "b/1", 7));
        Expect(sent, "DELETE", "/base/v1/stores/packages/rows/b%2F1/7", isChange: true);
    }

    [Fact]
    public async Task Publishing_posts_a_request_and_takes_a_stated_key()
    {
        var sent = await SendAsync(Replies.Release("publishing", 0), client => client.StartPublishAsync("packages", new PublishRequest([0.5, 1]), "publish-1"));
        Expect(sent, "POST", "/base/v1/stores/packages/releases", isChange: true);
        Assert.Equal("publish-1", sent.Key);
        ExpectJson("""{"ladder":[0.5,1]}""", sent.Text);
    }

    [Fact]
    public async Task Publishing_without_a_ladder_sends_an_empty_request()
    {
        var sent = await SendAsync(Replies.Release("publishing", 0), client => client.StartPublishAsync("packages"));
        Expect(sent, "POST", "/base/v1/stores/packages/releases", isChange: true);
        ExpectJson("{}", sent.Text);
    }

    [Fact]
    public async Task Closing_a_block_names_it()
    {
        var sent = await SendAsync(Replies.Release("published", 1), client => client.CloseBlockAsync("packages", "r1", 3));
        Expect(sent, "POST", "/base/v1/stores/packages/releases/r1/blocks", isChange: true);
        ExpectJson("""{"block":3}""", sent.Text);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => SendAsync(Replies.Release("published", 1), client => client.CloseBlockAsync("packages", "r1", -1)));
    }

    [Fact]
    public async Task A_release_is_read_retired_and_stated_by_its_id()
    {
        Expect(await SendAsync(Replies.Release("published", 1), client => client.GetReleaseAsync("packages", "r1")), "GET", "/base/v1/stores/packages/releases/r1", isChange: false);
        Expect(await SendAsync<object?>(null, client => client.RetireReleaseAsync("packages", "r1")), "DELETE", "/base/v1/stores/packages/releases/r1", isChange: true);
        PrivacyStatement? statement = null;
        var sent = await SendAsync(Statement, async client => statement = await client.GetPrivacyStatementAsync("packages", "r1"));
        Expect(sent, "GET", "/base/v1/stores/packages/releases/r1/privacy", isChange: false);
        Assert.Equal(JsonSerializer.Serialize(Statement), JsonSerializer.Serialize(statement));
    }

    [Fact]
    public async Task One_query_is_JSON_and_numbers_are_widened_exactly()
    {
        var sent = await SendAsync(Replies.Answers(1, 3), client => client.AttendAsync("packages", new[] { 0.1f, -2f }));
        Expect(sent, "POST", "/base/v1/stores/packages/attend", isChange: false);
        ExpectJson("""{"queries":[[0.10000000149011612,-2]]}""", sent.Text);
    }

    [Fact]
    public async Task One_query_with_options_states_them_in_the_body()
    {
        var sent = await SendAsync(
            Replies.Answers(1, 3, charged: 1),
            client => client.AttendAsync("packages", new[] { 1f }, new AttendOptions { Release = "r1", Tier = 2, MaxEpsilon = 0.5, Clip = true, IdempotencyKey = "ask-1" }));
        Expect(sent, "POST", "/base/v1/stores/packages/attend", isChange: true);
        Assert.Equal("ask-1", sent.Key);
        ExpectJson("""{"queries":[[1]],"release":"r1","tier":2,"maxEpsilon":0.5,"clip":true}""", sent.Text);
    }

    [Fact]
    public async Task A_range_of_blocks_is_sent_and_told_in_either_form()
    {
        var options = new AttendOptions { Rows = new BlockRange(2, 5_000_000_000) };
        var one = Replies.Answers(1, 2) with { SlotsCovered = 99, Blocks = options.Rows };
        AttendResponse? answer = null;
        var sent = await SendAsync(one, async client => answer = await client.AttendAsync("packages", new[] { 1f }, options));
        ExpectJson("""{"queries":[[1]],"rows":{"from":2,"to":5000000000}}""", sent.Text);
        Assert.Null(sent.Key);
        Assert.Equal(JsonSerializer.Serialize(one), JsonSerializer.Serialize(answer));
        var two = Replies.Answers(2, 2) with { SlotsCovered = 99, Blocks = options.Rows };
        sent = await SendAsync(two, client => client.AttendAsync("packages", new[] { 1f, 2f }, 2, options));
        Expect(sent, "POST", "/base/v1/stores/packages/attend?rowsFrom=2&rowsTo=5000000000", isChange: false);
        using var test = new TestClient(ScriptedHandler.Of(() => NpzReply.Of(two)));
        Assert.Equal(JsonSerializer.Serialize(two), JsonSerializer.Serialize(await test.Client.AttendAsync("packages", new[] { 1f, 2f }, 2, options)));
    }

    [Theory]
    [InlineData(2, null)]
    [InlineData(null, 0.5)]
    public async Task Whatever_may_charge_carries_a_key(int? tier, double? maxEpsilon)
    {
        var options = new AttendOptions { Tier = tier, MaxEpsilon = maxEpsilon };
        Assert.NotNull((await SendAsync(Replies.Answers(1, 3), client => client.AttendAsync("packages", new[] { 1f }, options))).Key);
        Assert.NotNull((await SendAsync(Replies.Answers(2, 3), client => client.AttendAsync("packages", new[] { 1f, 2f }, 2, options))).Key);
    }

    [Fact]
    public async Task Many_queries_are_npy_with_options_beside_them()
    {
        AttendResponse? answers = null;
        var sent = await SendAsync(
            Replies.Answers(3, 2, charged: 1),
            async client => answers = await client.AttendAsync("packages", new float[] { 1, 2, 3, 4, 5, 6 }, 3, new AttendOptions { Release = "r 1".Replace(" ", "+"), Tier = 0, MaxEpsilon = 1e-7, Clip = true }));
        Expect(sent, "POST", "/base/v1/stores/packages/attend?release=r%2B1&tier=0&maxEpsilon=1E-07&clip=true", isChange: true);
        Assert.Equal("application/x-npy", sent.ContentType);
        Assert.Equal(sent.Body.Length, sent.ContentLength);
        AssertNpy("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", [1, 2, 3, 4, 5, 6], sent.Body);
        Assert.Equal(JsonSerializer.Serialize(Replies.Answers(3, 2, charged: 1)), JsonSerializer.Serialize(answers));
    }

    [Fact]
    public async Task Answers_to_many_queries_come_as_npz_with_the_record_in_headers_and_are_the_same_as_in_JSON()
    {
        foreach (var replayed in new[] { false, true })
        {
            var expected = Replies.Answers(3, 2, charged: 0.5, replayed) with { IndistinguishableFromMean = [true, false, true] };
            var handler = ScriptedHandler.Of(() => NpzReply.Of(expected));
            using var test = new TestClient(handler);
            var answers = await test.Client.AttendAsync("packages", new float[] { 1, 2, 3, 4, 5, 6 }, 3, new AttendOptions { MaxEpsilon = 1 });
            Assert.Equal(JsonSerializer.Serialize(expected), JsonSerializer.Serialize(answers));
            Assert.Equal("application/x-npz, application/json; q=0.5", handler.Only.Headers["Accept"]);
        }
    }

    [Fact]
    public async Task Answers_that_were_bought_have_neither_a_release_nor_marks_in_either_form()
    {
        var one = Replies.Answers(1, 2, charged: 0.5) with { IndistinguishableFromMean = null };
        one = one with { Privacy = one.Privacy with { Release = null, AboutMore = 7 } };
        var options = new AttendOptions { Tier = 0 };
        AttendResponse? answer = null;
        var sent = await SendAsync(one, async client => answer = await client.AttendAsync("packages", new[] { 1f }, options));
        Assert.NotNull(sent.Key);
        Assert.Equal(JsonSerializer.Serialize(one), JsonSerializer.Serialize(answer));
        var two = Replies.Answers(2, 2) with { IndistinguishableFromMean = null, Privacy = one.Privacy };
        using var test = new TestClient(ScriptedHandler.Of(() => NpzReply.Of(two)));
        Assert.Equal(JsonSerializer.Serialize(two), JsonSerializer.Serialize(await test.Client.AttendAsync("packages", new float[4], 2, options)));
    }

    [Fact]
    public async Task Many_queries_from_what_is_open_have_no_parameters_and_no_key()
    {
        var sent = await SendAsync(Replies.Answers(2, 2), client => client.AttendAsync("packages", new float[] { 1, 2 }, 2));
        Expect(sent, "POST", "/base/v1/stores/packages/attend", isChange: false);
    }

    [Fact]
    public async Task Estimates_post_their_question()
    {
        EstimateResponse? estimate = null;
        var reply = new EstimateResponse(100, [new EstimateLine(1, 1e-6, 0.5, 0.1)]);
        var sent = await SendAsync(reply, async client => estimate = await client.EstimateAsync("packages", new EstimateRequest(Epsilon: 1, Rows: 100)));
        Expect(sent, "POST", "/base/v1/stores/packages/estimate", isChange: false);
        ExpectJson("""{"epsilon":1,"rows":100}""", sent.Text);
        Assert.Equal(JsonSerializer.Serialize(reply), JsonSerializer.Serialize(estimate));
        ExpectJson("{}", (await SendAsync(reply, client => client.EstimateAsync("packages"))).Text);
    }

    [Fact]
    public async Task Budgets_are_read_by_their_routes()
    {
        Expect(await SendAsync(Replies.Budget(), client => client.GetBudgetAsync("packages")), "GET", "/base/v1/stores/packages/budgets/me", isChange: false);
        var page = new StoreBudgets(1e-6, 4, 1, 3, [Replies.Budget()], "c2");
        Expect(await SendAsync(page, client => client.ListBudgetsAsync("packages")), "GET", "/base/v1/stores/packages/budgets", isChange: false);
        Expect(await SendAsync(page, client => client.ListBudgetsAsync("packages", "c 2")), "GET", "/base/v1/stores/packages/budgets?cursor=c%202", isChange: false);
    }

    [Fact]
    public async Task A_stores_limit_is_put_to_its_budgets()
    {
        var sent = await SendAsync(new StoreBudgets(1e-6, 2.5, 1, 1.5, []), client => client.SetStoreLimitAsync("packages", 2.5));
        Expect(sent, "PUT", "/base/v1/stores/packages/budgets", isChange: true);
        ExpectJson("""{"epsilon":2.5}""", sent.Text);
        using var test = new TestClient(ScriptedHandler.Of(() => throw new InvalidOperationException()));
        foreach (var epsilon in new[] { 0, -1, double.NaN, double.PositiveInfinity })
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => test.Client.SetStoreLimitAsync("packages", epsilon));
    }

    [Theory]
    [InlineData(null, "me")]
    [InlineData("acc/1", "acc%2F1")]
    public async Task A_ledger_is_exported_page_by_page_as_lines(string? account, string path)
    {
        LedgerLine Line(int sequence) => new(sequence, new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), "charge", 100, 1, 1e-6, $"ask-{sequence}");
        var handler = ScriptedHandler.Of(() => Replies.Json(new LedgerPage([Line(1), Line(2)], "2")), () => Replies.Json(new LedgerPage([Line(3)])));
        using var test = new TestClient(handler);
        using var target = new MemoryStream();
        Assert.Equal(3, await test.Client.ExportLedgerAsync("packages", target, account));
        var lines = Encoding.UTF8.GetString(target.ToArray()).Split('\n');
        Assert.Equal(4, lines.Length);
        Assert.Empty(lines[3]);
        for (var i = 0; i < 3; i++)
            Assert.Equal(Line(i + 1), JsonSerializer.Deserialize<LedgerLine>(lines[i], JsonSerializerOptions.Web));
        Expect(handler.Sent.Last(), "GET", $"/base/v1/stores/packages/budgets/{path}/ledger?cursor=2", isChange: false);
    }

    [Fact]
    public async Task A_grant_looks_the_account_up_in_a_body_and_puts_its_limit()
    {
        var handler = ScriptedHandler.Of(() => Replies.Json(new AccountReference("acc/1")), () => Replies.Json(Replies.Budget("acc/1")));
        using var test = new TestClient(handler);

        var budget = await test.Client.GrantAsync("packages", "ada@example.org", 1.5);

        var (lookup, grant) = (handler.Sent.First(), handler.Sent.Last());
        Expect(lookup, "POST", "/base/v1/accounts/lookup", isChange: true);
        ExpectJson("""{"subject":"ada@example.org"}""", lookup.Text);
        Expect(grant, "PUT", "/base/v1/stores/packages/budgets/acc%2F1", isChange: true);
        ExpectJson("""{"epsilon":1.5}""", grant.Text);
        Assert.NotEqual(lookup.Key, grant.Key);
        Assert.DoesNotContain(handler.Sent, sent => sent.Target.Contains("ada"));
        Assert.Equal("acc/1", budget.Account);

        var issued = ScriptedHandler.Of(() => Replies.Json(new AccountReference("acc2")), () => Replies.Json(Replies.Budget("acc2")));
        using var other = new TestClient(issued);
        await other.Client.GrantAsync("packages", new AccountLookup("ada@example.org", "https://issuer.example.org"), 1.5);
        ExpectJson("""{"subject":"ada@example.org","issuer":"https://issuer.example.org"}""", issued.Sent.First().Text);
    }

    [Fact]
    public async Task The_ledger_is_read_page_by_page()
    {
        LedgerLine Line(long sequence) => new(sequence, DateTimeOffset.UnixEpoch, "open", 100, 0.5, 1e-6, "q1", "r1", 1);
        var handler = ScriptedHandler.Of(
            () => Replies.Json(new LedgerPage([Line(1), Line(2)], "c&2")),
            () => Replies.Json(new LedgerPage([], "c3")),
            () => Replies.Json(new LedgerPage([Line(3)], null)));
        using var test = new TestClient(handler);
        var lines = await test.Client.ListLedgerAsync("packages").ToListAsync();
        Assert.Equal([1, 2, 3], lines.Select(line => line.Sequence));
        Assert.Equal(
            ["/base/v1/stores/packages/budgets/me/ledger", "/base/v1/stores/packages/budgets/me/ledger?cursor=c%262", "/base/v1/stores/packages/budgets/me/ledger?cursor=c3"],
            handler.Sent.Select(sent => sent.Target));
    }

    [Fact]
    public async Task The_audit_log_is_read_page_by_page()
    {
        AuditLine Line(long sequence) => new(sequence, DateTimeOffset.UnixEpoch, "key.create", "acc1", null, "key1", null);
        var handler = ScriptedHandler.Of(() => Replies.Json(new AuditPage([Line(6), Line(7)], 7)), () => Replies.Json(new AuditPage([Line(8)], null)));
        using var test = new TestClient(handler);
        var lines = await test.Client.ListAuditAsync(after: 5).ToListAsync();
        Assert.Equal([6, 7, 8], lines.Select(line => line.Sequence));
        Assert.Equal(["/base/v1/audit?after=5", "/base/v1/audit?after=7"], handler.Sent.Select(sent => sent.Target));
    }

    [Fact]
    public async Task Keys_are_made_listed_and_revoked()
    {
        var sent = await SendAsync(new KeyCreated("k1", "dpk_new", "acc1", "user"), client => client.CreateKeyAsync(new KeyRequest("ada", Roles.User)));
        Expect(sent, "POST", "/base/v1/keys", isChange: true);
        ExpectJson("""{"subject":"ada","role":"user"}""", sent.Text);
        Expect(await SendAsync(new KeyList([]), client => client.ListKeysAsync()), "GET", "/base/v1/keys", isChange: false);
        Expect(await SendAsync<object?>(null, client => client.RevokeKeyAsync("k1")), "DELETE", "/base/v1/keys/k1", isChange: true);
    }

    [Fact]
    public async Task The_credential_of_each_attempt_comes_from_the_provider()
    {
        var handler = ScriptedHandler.Of(() => Replies.Text("", System.Net.HttpStatusCode.BadGateway), () => Replies.Json(Replies.Store()));
        var count = 0;
        using var test = new TestClient(handler, o => (o.ApiKey, o.CredentialProvider) = (null, _ => ValueTask.FromResult($"token-{++count}")));
        await test.Client.GetStoreAsync("packages");
        Assert.Equal(["Bearer token-1", "Bearer token-2"], handler.Sent.Select(sent => sent.Headers["Authorization"]));
    }

    private static PrivacyStatement Statement => new()
    {
        Store = "packages",
        Incarnation = "inc1",
        Release = "r1",
        Adjacency = "replace-one",
        Mechanism = new MechanismDefinition(),
        Definition = Replies.Definition,
        Delta = 1e-6,
        Sensitivity = 2.5,
        SensitivitySteps = "123456789012345678901234567890",
        FeatureExponent = 19,
        ValueExponent = 15,
        GammaSteps = 32768,
        Features = 6,
        Dimension = 12,
        KernelCoefficients = [1, 1, 0.5],
        KernelRelativeError = 0.1,
        Tiers = [new TierStatement(0, 0.5, "999", "333", 7, 8)],
        GaussianShareOfDelta = 0.999,
        SamplerVersion = 1,
        Slots = 10,
        ManifestDigest = "00ff",
        NotProtected = ["row count"],
    };

    [Fact]
    public async Task Ledgers_are_listed_verified_and_acknowledged()
    {
        LedgerList? list = null;
        Expect(await SendAsync(new LedgerList([new LedgerState("inc1", "packages", Suspension: "why")]), async client => list = await client.ListLedgersAsync()), "GET", "/base/v1/ledger", isChange: false);
        Assert.Equal(new LedgerState("inc1", "packages", false, "why"), Assert.Single(list!.Ledgers));

        LedgerCheck? check = null;
        var sent = await SendAsync(new LedgerCheck("inc1", 2, 7, [new LedgerFinding("behind", 1, "words")], "words"), async client => check = await client.VerifyLedgerAsync("inc1"));
        Expect(sent, "POST", "/base/v1/ledger/verifications", isChange: true);
        ExpectJson("""{"incarnation":"inc1"}""", sent.Text);
        Assert.Equal((7, new LedgerFinding("behind", 1, "words")), (check!.Entries, check.Findings.Single()));

        var result = new AcknowledgementResult([new AcknowledgedLedger("inc1", "words", 3, 5)]);
        sent = await SendAsync(result, client => client.AcknowledgeLedgersAsync());
        Expect(sent, "POST", "/base/v1/ledger/acknowledgements", isChange: true);
        ExpectJson("{}", sent.Text);
        sent = await SendAsync(result, client => client.AcknowledgeLedgersAsync("packages"));
        ExpectJson("""{"store":"packages"}""", sent.Text);
    }

    private static async Task<SentRequest> SendAsync<T>(T reply, Func<IDpAttentionClient, Task> call)
    {
        var handler = ScriptedHandler.Of(() => reply is null ? new HttpResponseMessage(System.Net.HttpStatusCode.NoContent) : Replies.Json(reply));
        using var test = new TestClient(handler);
        await call(test.Client);
        return handler.Only;
    }

    private static void Expect(SentRequest sent, string method, string target, bool isChange)
    {
        Assert.Equal((method, target), (sent.Method, sent.Target));
        Assert.Equal("Bearer " + TestClient.ApiKey, sent.Headers["Authorization"]);
        Assert.EndsWith("application/json" + (sent.ContentType == "application/x-npy" ? "; q=0.5" : ""), sent.Headers["Accept"]);
        Assert.Equal(isChange, sent.Key is not null);
        if (sent.Body.Length > 0 && sent.Body[0] == '{')
            Assert.Equal("application/json", sent.ContentType);
    }

    private static void ExpectJson(string expected, string actual) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), JsonNode.Parse(actual)), $"expected {expected}, sent {actual}");

    private static void AssertNpy(string header, float[] data, byte[] body)
    {
        var length = body[8] | body[9] << 8;
        Assert.Equal("\u0093NUMPY\u0001\0", System.Text.Encoding.Latin1.GetString(body, 0, 8));
        Assert.Equal(0, (10 + length) % 64);
        var text = System.Text.Encoding.Latin1.GetString(body, 10, length);
        Assert.EndsWith("\n", text);
        Assert.Equal(header, text.TrimEnd());
        Assert.Equal(data, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(body.AsSpan(10 + length)).ToArray());
    }
}
