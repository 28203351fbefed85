using System.Text;
using DpAttn.Contracts;
using DpAttn.Server.Tests.Support;

namespace DpAttn.Server.Tests;

public sealed class JsonBodyTests
{
    private const string Good = """{"keyDimension":3,"valueDimension":2,"keys":{"ball":{"radius":1}},"values":{"radius":1},"ladder":[0.5,1],"limit":8,"capacity":1000}""";

    [Theory]
    [InlineData("", "$", "not well-formed")]
    [InlineData("{", "$", "not well-formed")]
    [InlineData("nonsense", "$", "not well-formed")]
    [InlineData("null", "$", "null")]
    [InlineData("[]", "$", "an object")]
    [InlineData("{}", "$", "'keyDimension', 'valueDimension', 'keys'")]
    [InlineData(Good + "x", "$", "not well-formed")]
    [InlineData(Good + "{}", "$", "not well-formed")]
    [InlineData("{\"extra\":1," + "\"keyDimension\":3}", "$.extra", "'extra' is no member")]
    [InlineData("{\"keyDimension\":3,\"keyDimension\":3}", "$.keyDimension", "twice")]
    [InlineData("{\"keyDimension\":\"3\"}", "$.keyDimension", "a number")]
    [InlineData("{\"keyDimension\":3.5}", "$.keyDimension", "a whole number of 32 bits")]
    [InlineData("{\"keyDimension\":99999999999}", "$.keyDimension", "a whole number of 32 bits")]
    [InlineData("{\"keys\":{\"ball\":{\"radius\":NaN}}}", "$", "not well-formed")]
    [InlineData("{\"keys\":{\"ball\":{\"radius\":\"NaN\"}}}", "$.keys.ball.radius", "a number")]
    [InlineData("{\"keys\":{\"ball\":{\"radius\":Infinity}}}", "$", "not well-formed")]
    [InlineData("{\"keys\":{\"ball\":{\"radius\":1e999}}}", "$.keys.ball.radius", "beyond what 64 bits")]
    [InlineData("{\"keys\":{\"ball\":{}}}", "$.keys.ball", "'radius' is missing")]
    [InlineData("{\"keys\":null}", "$.keys", "null is not allowed")]
    [InlineData("{\"keys\":[]}", "$.keys", "an object")]
    [InlineData("{\"ladder\":[1,null]}", "$.ladder[1]", "a number")]
    [InlineData("{\"ladder\":[1,-1e999]}", "$.ladder[1]", "beyond what 64 bits")]
    [InlineData("{\"ladder\":1}", "$.ladder", "an array")]
    [InlineData("{\"adjacency\":3}", "$.adjacency", "a text")]
    [InlineData("{\"adjacency\":null}", "$.adjacency", "null is not allowed")]
    [InlineData("{\"capacity\":1e3}", "$.capacity", "a whole number of 64 bits")]
    [InlineData("{\"keyDimension\":3,}", "$", "not well-formed")]
    [InlineData("{/* c */}", "$", "not well-formed")]
    public async Task What_is_wrong_with_a_body_is_told_by_path(string body, string path, string what)
    {
        await using var server = await ServerUnderTest.StartAsync();
        var problem = await server.Client.PutAsync("/v1/stores/s", Responses.JsonBody(body)).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.StartsWith(path + ":", problem.Detail, StringComparison.Ordinal);
        Assert.Contains(what, problem.Detail);
        Assert.DoesNotContain("System.", problem.Detail);
        Assert.DoesNotContain("DpAttn.", problem.Detail);
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task The_good_body_that_the_others_break_is_taken()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var response = await server.Client.PutAsync("/v1/stores/s", Responses.JsonBody(Good));
        Assert.True(response.IsSuccessStatusCode);
    }

    /// <summary>The serializer gives what a body leaves out no value, unless the type's constructor has one.</summary>
    [Fact]
    public async Task What_a_definition_leaves_out_has_its_default()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var response = await server.Client.PutAsync("/v1/stores/s", Responses.JsonBody(Good));
        var definition = Assert.IsType<StoreDefinition>(server.Door.Calls.Single().Arguments.OfType<StoreDefinition>().Single());
        Assert.Equal(("replace-one", new MechanismDefinition(), 1e-6, 4), (definition.Adjacency, definition.Mechanism, definition.Delta, definition.Shards));
        Assert.Equal("moment-tree", definition.Mechanism.Name);
    }

    /// <summary>Half a character, escaped or in bytes, in names and in texts: the caller's fault, and nothing for the log of ours.</summary>
    [Theory]
    [InlineData("/v1/stores/s/attend", "application/json", """{"\ud800":[[1]]}""")]
    [InlineData("/v1/stores/s/attend", "application/json", """{"queries":[[1]],"release":"\udc00\ud800"}""")]
    [InlineData("/v1/stores/s/attend", "application/json", "{\"queries\":[[1]],\"release\":\"\u00ff\"}")]
    [InlineData("/v1/stores/s/attend", "application/json", "{\"\u00ff\":1}")]
    [InlineData("/v1/stores/s/rows", "application/x-ndjson", """{"\ud800":[1],"value":[1]}""")]
    [InlineData("/v1/stores/s/rows", "application/x-ndjson", "{\"key\":[1],\"\u00ff\":[1]}")]
    [InlineData("/v1/keys", "application/json", """{"subject":"\ud800","role":"user"}""")]
    public async Task Text_that_is_not_unicode_is_the_callers_fault(string path, string type, string body)
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(Encoding.Latin1.GetBytes(body)) };
        request.Content.Headers.ContentType = new(type);
        request.Headers.Add("Idempotency-Key", "b1");
        await server.Client.SendAsync(request).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task A_place_is_told_by_line_and_byte()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var problem = await server.Client.PutAsync("/v1/stores/s", Responses.JsonBody("{\n  \"keyDimension\": tru\n}")).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Contains("(line 2, byte ", problem.Detail);
    }

    [Theory]
    [InlineData("POST", "/v1/keys", "{\"role\":\"user\"}", "'subject'")]
    [InlineData("POST", "/v1/keys", "{\"subject\":null,\"role\":\"user\"}", "null")]
    [InlineData("POST", "/v1/accounts/lookup", "{\"Subject\":\"a\"}", "no member")]
    [InlineData("PUT", "/v1/stores/s/budgets/a", "{}", "'epsilon'")]
    [InlineData("PUT", "/v1/stores/s/budgets/a", "{\"epsilon\":1e400}", "64 bits")]
    [InlineData("POST", "/v1/stores/s/releases", "{\"ladder\":\"1\"}", "an array")]
    [InlineData("POST", "/v1/stores/s/estimate", "{\"epsilom\":1}", "'epsilom'")]
    public async Task Every_body_is_read_as_strictly(string method, string path, string body, string what)
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = Responses.JsonBody(body) };
        var problem = await server.Client.SendAsync(request).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Contains(what, problem.Detail);
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task A_name_of_a_thousand_characters_is_not_sent_back_whole()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var problem = await server.Client.PutAsync("/v1/stores/s", Responses.JsonBody($"{{\"{new string('x', 1000)}\u0007\":1}}")).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.True(problem.Detail.Length < 300, problem.Detail);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_over_its_cap_is_refused(bool isChunked)
    {
        await using var server = await ServerUnderTest.StartAsync(options => options.MaxJsonBodyBytes = 1024);
        using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/stores/s") { Content = Responses.JsonBody(Good.PadRight(1025)) };
        request.Headers.TransferEncodingChunked = isChunked;
        var problem = await server.Client.SendAsync(request).ProblemAsync(ProblemCodes.TooLarge);
        Assert.Contains("1024 bytes", problem.Detail);
        Assert.Empty(server.Door.Calls);
        using var fitting = new HttpRequestMessage(HttpMethod.Put, "/v1/stores/s") { Content = Responses.JsonBody(Good.PadRight(1024)) };
        fitting.Headers.TransferEncodingChunked = isChunked;
        using var response = await server.Client.SendAsync(fitting);
        Assert.True(response.IsSuccessStatusCode);
    }
}
