using System.Net;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Server.Tests.Support;
using DpAttn.Storage;

namespace DpAttn.Server.Tests;

public sealed class RoutesTests
{
    [Fact]
    public async Task A_store_is_made_once_and_found_again()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var made = await server.Client.PutAsync("/v1/stores/s%20t", Responses.JsonBody(Samples.Definition));
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        Assert.Equal("/v1/stores/s%20t", made.Headers.Location!.OriginalString);
        Responses.AssertIs(Samples.Store, await made.Content.ReadAsStringAsync());
        var call = Assert.Single(server.Door.Calls);
        Assert.Equal("s t", call.Arguments[1]);
        Responses.AssertIs(Samples.Definition, System.Text.Json.JsonSerializer.Serialize(call.Arguments[2], Responses.Json));

        server.Door.Answer(nameof(IFrontDoor.EnsureStoreAsync), _ => (Samples.Store, false));
        using var found = await server.Client.PutAsync("/v1/stores/s", Responses.JsonBody(Samples.Definition));
        Assert.Equal(HttpStatusCode.OK, found.StatusCode);
        Assert.Null(found.Headers.Location);
    }

    public static TheoryData<string, string, string, object> Reads => new()
    {
        { "/v1/stores", nameof(IFrontDoor.ListStoresAsync), "", new[] { Samples.Store } },
        { "/v1/stores/s", nameof(IFrontDoor.GetStoreAsync), "s", Samples.Store },
        { "/v1/stores/s/releases", nameof(IFrontDoor.ListReleasesAsync), "s", new[] { Samples.Release } },
        { "/v1/stores/s/releases/rel-1", nameof(IFrontDoor.GetReleaseAsync), "s,rel-1", Samples.Release },
        { "/v1/stores/s/releases/rel-1/privacy", nameof(IFrontDoor.GetPrivacyStatementAsync), "s,rel-1", Samples.Statement },
        { "/v1/stores/s/budgets/me", nameof(IFrontDoor.GetMyBudgetAsync), "s", Samples.Budget },
        { "/v1/stores/s/budgets/me/ledger", nameof(IFrontDoor.ListMyLedgerAsync), "s,,100", new LedgerPage([Samples.Line(1)], null) },
        { "/v1/stores/s/budgets/me/ledger?cursor=c%2F1&limit=7", nameof(IFrontDoor.ListMyLedgerAsync), "s,c/1,7", new LedgerPage([Samples.Line(1)], null) },
        { "/v1/stores/s/budgets", nameof(IFrontDoor.ListBudgetsAsync), "s,,100", new StoreBudgets(1e-6, 8, 1, 7, [Samples.Budget], null) },
        { "/v1/stores/s/budgets?cursor=c&limit=1000", nameof(IFrontDoor.ListBudgetsAsync), "s,c,1000", new StoreBudgets(1e-6, 8, 1, 7, [Samples.Budget], null) },
        { "/v1/stores/s/budgets/acc-7/ledger?cursor=9&limit=7", nameof(IFrontDoor.ListLedgerAsync), "s,acc-7,9,7", new LedgerPage([Samples.Line(1)], null) },
        { "/v1/stores/s/budgets/acc-7", nameof(IFrontDoor.GetBudgetAsync), "s,acc-7", Samples.Budget },
        { "/v1/keys", nameof(IFrontDoor.ListKeysAsync), "", new KeyList([new KeyDescription("key-1", "acc-2", Roles.User, Samples.At, null)]) },
        { "/v1/ledger", nameof(IFrontDoor.ListLedgersAsync), "", new LedgerList([new LedgerState("inc-1", "s")]) },
        { "/v1/audit", nameof(IFrontDoor.ListAuditAsync), "0,100", new AuditPage([Samples.Audit(1)], null) },
        { "/v1/audit?after=12&limit=5", nameof(IFrontDoor.ListAuditAsync), "12,5", new AuditPage([Samples.Audit(1)], null) },
    };

    [Theory]
    [MemberData(nameof(Reads))]
    public async Task What_is_read_is_what_the_front_door_says(string path, string method, string arguments, object expected)
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var response = await server.Client.GetAsync(path);
        Responses.AssertIs(expected, await Task.FromResult(response).TextAsync());
        Assert.Equal("application/json", response.Content.Headers.ContentType!.ToString());
        Assert.Equal("no-store", response.Headers.CacheControl!.ToString());
        Assert.Equal(["nosniff"], response.Headers.GetValues("X-Content-Type-Options"));
        Assert.False(response.Headers.Contains("Server"));
        var call = Assert.Single(server.Door.Calls);
        Assert.Equal(method, call.Method);
        Assert.Equal(arguments, string.Join(',', call.Arguments.Skip(1)));
    }

    [Fact]
    public async Task A_block_is_closed_by_its_number()
    {
        await using var server = await ServerUnderTest.StartAsync();
        Responses.AssertIs(Samples.Release, await server.Client.PostAsync("/v1/stores/s/releases/rel-1/blocks", Responses.JsonBody(new CloseBlockRequest(3))).TextAsync());
        var call = Assert.Single(server.Door.Calls);
        Assert.Equal(nameof(IFrontDoor.CloseBlockAsync), call.Method);
        Assert.Equal(["s", "rel-1", new CloseBlockRequest(3)], call.Arguments.Skip(1));
        using var empty = new StringContent("{}", System.Text.Encoding.UTF8, "application/json");
        Assert.Contains("'block' is missing", (await server.Client.PostAsync("/v1/stores/s/releases/rel-1/blocks", empty).ProblemAsync(ProblemCodes.InvalidRequest)).Detail);
    }

    [Theory]
    [InlineData("/v1/stores/s", nameof(IFrontDoor.DeleteStoreAsync), "s")]
    [InlineData("/v1/stores/s/rows/b1/3", nameof(IFrontDoor.EraseRowAsync), "s,b1,3")]
    [InlineData("/v1/stores/s/rows/a%2Fb%20%25c/0", nameof(IFrontDoor.EraseRowAsync), "s,a/b %c,0")]
    [InlineData("/v1/stores/s/rows/a%252Fb/0?", nameof(IFrontDoor.EraseRowAsync), "s,a%2Fb,0")]
    [InlineData("/v1/stores/s/releases/rel-1", nameof(IFrontDoor.RetireReleaseAsync), "s,rel-1")]
    [InlineData("/v1/keys/key-1", nameof(IFrontDoor.RevokeKeyAsync), "key-1")]
    public async Task What_is_deleted_is_named_by_its_path(string path, string method, string arguments)
    {
        await using var server = await ServerUnderTest.StartAsync();
        Assert.Empty(await server.Client.DeleteAsync(path).TextAsync(HttpStatusCode.NoContent));
        var call = Assert.Single(server.Door.Calls);
        Assert.Equal(method, call.Method);
        Assert.Equal(arguments, string.Join(',', call.Arguments.Skip(1)));
    }

    [Theory]
    [InlineData("http://proxied.example:80/v1/stores/s/rows/a%252Fb/3")]
    [InlineData("http://proxied.example/v1/stores/s/rows/a%252Fb/3?")]
    public async Task A_proxys_absolute_form_names_the_same(string target)
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var socket = new System.Net.Sockets.TcpClient();
        await socket.ConnectAsync(server.Address.Host, server.Address.Port);
        await using var stream = socket.GetStream();
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes($"DELETE {target} HTTP/1.1\r\nHost: {new Uri(target).Authority}\r\nX-Api-Key: {FakeFrontDoor.Key}\r\nConnection: close\r\n\r\n"));
        using var reader = new StreamReader(stream);
        Assert.Equal("HTTP/1.1 204 No Content", await reader.ReadLineAsync());
        Assert.Equal(["s", "a%2Fb", 3], Assert.Single(server.Door.Calls).Arguments.Skip(1));
    }

    [Fact]
    public async Task A_publish_is_accepted_and_says_where_to_look()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/stores/s/releases") { Content = Responses.JsonBody(new PublishRequest([1, 2])) };
        request.Headers.Add("Idempotency-Key", "pub-1");
        using var response = await server.Client.SendAsync(request);
        Responses.AssertIs(Samples.Release, await Task.FromResult(response).TextAsync(HttpStatusCode.Accepted));
        Assert.Equal("/v1/stores/s/releases/rel-1", response.Headers.Location!.OriginalString);
        var call = Assert.Single(server.Door.Calls);
        Assert.Equal([1, 2], ((PublishRequest)call.Arguments[2]!).Ladder!);
        Assert.Equal("pub-1", call.Arguments[3]);
    }

    [Theory]
    [InlineData("releases")]
    [InlineData("estimate")]
    public async Task A_body_that_would_say_nothing_may_be_left_out(string resource)
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var response = await server.Client.PostAsync($"/v1/stores/s/{resource}", null);
        Assert.True(response.IsSuccessStatusCode);
        var call = Assert.Single(server.Door.Calls);
        Assert.Equal(resource == "estimate" ? new EstimateRequest() : (object)new PublishRequest(), call.Arguments[2]);
    }

    [Fact]
    public async Task An_estimate_is_asked_and_answered()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var text = await server.Client.PostAsync("/v1/stores/s/estimate", Responses.JsonBody(new EstimateRequest(Epsilon: 1, Rows: 7))).TextAsync();
        Responses.AssertIs(Samples.Default(nameof(IFrontDoor.EstimateAsync))!, text);
        Assert.Equal(new EstimateRequest(1, null, 7), Assert.Single(server.Door.Calls).Arguments[2]);
    }

    [Fact]
    public async Task A_limit_is_set_for_a_store()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var text = await server.Client.PutAsync("/v1/stores/s/budgets", Responses.JsonBody(new LimitRequest(2.5))).TextAsync();
        Responses.AssertIs(Samples.Default(nameof(IFrontDoor.SetStoreBudgetAsync))!, text);
        var call = Assert.Single(server.Door.Calls);
        Assert.Equal((nameof(IFrontDoor.SetStoreBudgetAsync), "s", new LimitRequest(2.5)), (call.Method, call.Arguments[1], call.Arguments[2]));
    }

    [Fact]
    public async Task A_limit_is_set_for_an_account()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var text = await server.Client.PutAsync("/v1/stores/s/budgets/acc-7", Responses.JsonBody(new LimitRequest(2.5))).TextAsync();
        Responses.AssertIs(Samples.Budget, text);
        var call = Assert.Single(server.Door.Calls);
        Assert.Equal(("s", "acc-7", new LimitRequest(2.5)), (call.Arguments[1], call.Arguments[2], call.Arguments[3]));
    }

    [Fact]
    public async Task A_ledger_is_verified_and_acknowledged()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var checkedText = await server.Client.PostAsync("/v1/ledger/verifications", Responses.JsonBody(new LedgerVerificationRequest("inc-1"))).TextAsync();
        Responses.AssertIs(Samples.Default(nameof(IFrontDoor.VerifyLedgerAsync))!, checkedText);
        var acknowledged = await server.Client.PostAsync("/v1/ledger/acknowledgements", Responses.JsonBody(new AcknowledgementRequest("s"))).TextAsync();
        Responses.AssertIs(Samples.Default(nameof(IFrontDoor.AcknowledgeLedgersAsync))!, acknowledged);
        await server.Client.PostAsync("/v1/ledger/acknowledgements", Responses.JsonBody(new AcknowledgementRequest())).TextAsync();
        Assert.Equal(
            [new LedgerVerificationRequest("inc-1"), new AcknowledgementRequest("s"), new AcknowledgementRequest()],
            server.Door.Calls.Select(call => call.Arguments[1]));
    }

    [Fact]
    public async Task A_backup_is_sent_with_its_length_and_digest_and_then_removed()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "the copy");
        server.Door.AnswerAsync(nameof(IFrontDoor.BackupAsync), async (_, token) => await StorageBackup.OfAsync(file, token));
        using var response = await server.Client.GetAsync("/v1/backup");
        Assert.Equal("the copy", await response.Content.ReadAsStringAsync());
        Assert.Equal("application/octet-stream", response.Content.Headers.ContentType!.ToString());
        Assert.Equal(8, response.Content.Headers.ContentLength);
        Assert.Equal($"sha-256=:{Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData("the copy"u8))}:", response.Headers.Concat(response.Content.Headers).Single(header => header.Key == "Content-Digest").Value.Single());
        for (var i = 0; i < 100 && File.Exists(file); i++)
            await Task.Delay(50);
        Assert.False(File.Exists(file));
    }

    [Fact]
    public async Task A_subject_travels_in_a_body_only()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var text = await server.Client.PostAsync("/v1/accounts/lookup", Responses.JsonBody(new AccountLookup("someone@example.org"))).TextAsync();
        Responses.AssertIs(new AccountReference("acc-2"), text);
        Assert.Equal(new AccountLookup("someone@example.org"), Assert.Single(server.Door.Calls).Arguments[1]);
    }

    [Fact]
    public async Task A_key_is_made_and_shown_once()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var response = await server.Client.PostAsync("/v1/keys", Responses.JsonBody(new KeyRequest("someone@example.org", Roles.User)));
        Responses.AssertIs(new KeyCreated("key-1", "dpk_new", "acc-2", Roles.User), await Task.FromResult(response).TextAsync(HttpStatusCode.Created));
        Assert.Equal("/v1/keys/key-1", response.Headers.Location!.OriginalString);
        Assert.Equal(new KeyRequest("someone@example.org", Roles.User), Assert.Single(server.Door.Calls).Arguments[1]);
    }

    [Theory]
    [InlineData("DELETE", "/v1/stores/s/rows/b1/-1", "index")]
    [InlineData("DELETE", "/v1/stores/s/rows/b1/x", "index")]
    [InlineData("DELETE", "/v1/stores/s/rows/b1/2147483648", "index")]
    [InlineData("GET", "/v1/audit?after=-1", "after")]
    [InlineData("GET", "/v1/audit?after=x", "after")]
    [InlineData("GET", "/v1/audit?limit=0", "limit")]
    [InlineData("GET", "/v1/audit?limit=1001", "1000")]
    [InlineData("GET", "/v1/audit?limit=2&limit=3", "limit")]
    [InlineData("GET", "/v1/audit?from=2", "from")]
    [InlineData("GET", "/v1/stores/s?verbose=1", "verbose")]
    [InlineData("GET", "/v1/stores/s/budgets?limit=x", "limit")]
    [InlineData("GET", "/v1/stores/s/budgets/me/ledger?limit=1.5", "limit")]
    public async Task A_parameter_that_means_nothing_is_refused_by_its_name(string method, string path, string name)
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        var problem = await server.Client.SendAsync(request).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Contains(name, problem.Detail);
        Assert.Empty(server.Door.Calls);
    }

    [Theory]
    [InlineData("me", nameof(IFrontDoor.ListMyLedgerAsync), 2)]
    [InlineData("acc-7", nameof(IFrontDoor.ListLedgerAsync), 3)]
    public async Task The_ledger_is_exported_whole_as_json_lines(string whose, string method, int cursor)
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Answer(method, arguments => (string?)arguments[cursor] switch
        {
            null => new LedgerPage([Samples.Line(1), Samples.Line(2)], "two"),
            "two" => new LedgerPage([Samples.Line(3)], "three"),
            _ => new LedgerPage([], null),
        });
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/stores/s/budgets/{whose}/ledger") { Headers = { { "Accept", "application/x-ndjson" } } };
        using var response = await server.Client.SendAsync(request);
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType!.ToString());
        var lines = (await response.Content.ReadAsStringAsync()).Split('\n');
        Assert.Equal(4, lines.Length);
        Assert.Empty(lines[3]);
        for (var i = 0; i < 3; i++)
            Responses.AssertIs(Samples.Line(i + 1), lines[i]);
        Assert.Equal(3, server.Door.Calls.Count);
    }

    [Fact]
    public async Task The_audit_log_is_exported_whole_as_json_lines()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Answer(nameof(IFrontDoor.ListAuditAsync), arguments => (long)arguments[1]! switch
        {
            4 => new AuditPage([Samples.Audit(5), Samples.Audit(6)], 6),
            6 => new AuditPage([Samples.Audit(7)], null),
            _ => throw new InvalidOperationException("asked for something else"),
        });
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/audit?after=4") { Headers = { { "Accept", "application/x-ndjson" } } };
        var lines = (await server.Client.SendAsync(request).TextAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Responses.AssertIs(Samples.Audit(5), lines[0]);
        Responses.AssertIs(Samples.Audit(7), lines[2]);
    }

    [Fact]
    public async Task An_export_that_breaks_off_does_not_look_whole()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Answer(nameof(IFrontDoor.ListAuditAsync), arguments =>
            (long)arguments[1]! == 0 ? new AuditPage([Samples.Audit(1)], 1) : throw new ProblemException(ProblemCodes.ShardUnavailable, "gone"));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/audit") { Headers = { { "Accept", "application/x-ndjson" } } };
        await Assert.ThrowsAsync<HttpRequestException>(() => server.Client.SendAsync(request));
    }

    [Fact]
    public async Task An_export_that_cannot_begin_is_a_problem()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Throw(nameof(IFrontDoor.ListAuditAsync), new ProblemException(ProblemCodes.Forbidden, "operators only"));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/audit") { Headers = { { "Accept", "application/x-ndjson" } } };
        await server.Client.SendAsync(request).ProblemAsync(ProblemCodes.Forbidden);
    }

    [Fact]
    public async Task A_media_type_that_nobody_offers_is_406()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/audit") { Headers = { { "Accept", "text/csv" } } };
        var problem = await server.Client.SendAsync(request).ProblemAsync(ProblemCodes.InvalidRequest, 406);
        Assert.Contains("application/x-ndjson", problem.Detail);
    }
}
