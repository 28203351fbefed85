using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json;
using DpAttn.Attention;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Server.Tests.Support;

namespace DpAttn.Server.Tests;

public sealed class AttendTests
{
    private const string Path = "/v1/stores/s/attend";

    private static AttendCommand Sent(ServerUnderTest server) => (AttendCommand)Assert.Single(server.Door.Calls).Arguments[2]!;

    private static async Task<HttpResponseMessage> SendAsync(ServerUnderTest server, HttpContent content, string query = "", string? accept = null, string? key = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Path + query) { Content = content };
        if (accept is not null)
            request.Headers.TryAddWithoutValidation("Accept", accept);
        if (key is not null)
            request.Headers.Add("Idempotency-Key", key);
        return await server.Client.SendAsync(request);
    }

    [Fact]
    public async Task A_query_in_json_is_answered_in_json()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var response = await SendAsync(server, Responses.JsonBody(new AttendRequest { Queries = [[0.5, -1e-300, 3]] }));
        var command = Sent(server);
        Assert.Equal([0.5, -1e-300, 3], command.Queries.Data);
        Assert.Equal((1, 3), (command.Queries.Rows, command.Queries.Columns));
        Assert.Equal((null, null, null, null, false), (command.Release, command.Tier, command.MaxEpsilon, command.RequestId, command.Clip));
        Assert.Equal("application/json", response.Content.Headers.ContentType!.ToString());
        Responses.AssertIs(
            new AttendResponse
            {
                Outputs = [[0.5, -0.25]],
                NoiseDeviations = [[0.125, 0.125]],
                IntervalLow = [[0.25, -0.5]],
                IntervalHigh = [[0.75, 0]],
                KernelErrorBound = 0.03125,
                IndistinguishableFromMean = [false],
                Privacy = Samples.Privacy,
            },
            await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task All_that_a_request_may_say_arrives()
    {
        await using var server = await ServerUnderTest.StartAsync();
        await SendAsync(server, Responses.JsonBody("""{ "clip": true, "tier": 2, "queries": [[1,2],[3,4],[5,6]], "maxEpsilon": 1.5, "release": "rel \u0041" }"""), key: "req-1").TextAsync();
        var command = Sent(server);
        Assert.Equal(("rel A", 2, 1.5, "req-1", true), (command.Release, command.Tier, command.MaxEpsilon, command.RequestId, command.Clip));
        Assert.Equal([5, 6], command.Queries.Row(2).ToArray());
        server.Door.Calls.Clear();
        await SendAsync(server, Responses.JsonBody("""{"queries":[[1]],"release":null,"tier":null,"maxEpsilon":null,"clip":false}""")).TextAsync();
        Assert.Equal((null, null, null), (Sent(server).Release, Sent(server).Tier, Sent(server).MaxEpsilon));
    }

    [Fact]
    public async Task The_privacy_record_is_in_the_headers_too()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var response = await SendAsync(server, Responses.JsonBody("""{"queries":[[1,2,3]]}"""));
        Assert.Equal(
            ["0.25", "1.5", "1E-06", "rel-1", "0"],
            new[] { "Privacy-Epsilon-Charged", "Privacy-Epsilon-Remaining", "Privacy-Delta", "Privacy-Release", "Privacy-Tier" }.Select(name => response.Headers.GetValues(name).Single()));
        Assert.False(response.Headers.Contains("Idempotency-Replayed"));
        server.Door.Answer(nameof(IFrontDoor.AttendAsync), _ => new AttendResult([Samples.Answer([1])], Samples.Privacy with { Replayed = true }));
        using var replayed = await SendAsync(server, Responses.JsonBody("""{"queries":[[1,2,3]]}"""), key: "k");
        Assert.Equal("true", replayed.Headers.GetValues("Idempotency-Replayed").Single());
        Assert.True(JsonSerializer.Deserialize<AttendResponse>(await replayed.Content.ReadAsStringAsync(), Responses.Json)!.Privacy.Replayed);
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/x-npz")]
    public async Task A_record_without_a_release_says_how_many_more_there_are_instead(string form)
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Answer(nameof(IFrontDoor.AttendAsync), _ => new AttendResult([Samples.Answer([1], isMean: null)], Samples.Privacy with { Release = null, AboutMore = 12_345_678_901 }));
        using var response = await SendAsync(server, Responses.JsonBody("""{"queries":[[1,2,3]],"tier":0}"""), accept: form, key: "k");
        Assert.False(response.Headers.Contains("Privacy-Release"));
        Assert.Equal("12345678901", response.Headers.GetValues("Privacy-About-More").Single());
        if (form != "application/json")
            return;
        var answer = JsonSerializer.Deserialize<AttendResponse>(await response.Content.ReadAsStringAsync(), Responses.Json)!;
        Assert.Equal((null, 12_345_678_901), (answer.Privacy.Release, answer.Privacy.AboutMore));
        Assert.Null(answer.IndistinguishableFromMean);
    }

    [Fact]
    public async Task A_range_of_blocks_arrives_in_either_form()
    {
        await using var server = await ServerUnderTest.StartAsync();
        await SendAsync(server, Responses.JsonBody("""{"rows": { "to": 9007199254740993, "from": 3 }, "queries":[[1]]}""")).TextAsync();
        Assert.Equal(new BlockRange(3, 9_007_199_254_740_993), Sent(server).Rows);
        server.Door.Calls.Clear();
        await SendAsync(server, Responses.JsonBody("""{"queries":[[1]],"rows":null}""")).TextAsync();
        Assert.Null(Sent(server).Rows);
        server.Door.Calls.Clear();
        using var response = await SendAsync(server, Arrays.Content(Arrays.Npy(1, 2, 1, 2), "application/x-npy"), "?rowsFrom=3&rowsTo=9007199254740993");
        Assert.Equal(new BlockRange(3, 9_007_199_254_740_993), Sent(server).Rows);
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/x-npy")]
    [InlineData("application/x-npz")]
    public async Task What_an_answer_covers_is_said_in_either_form(string form)
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Answer(nameof(IFrontDoor.AttendAsync), _ => new AttendResult([Samples.Answer([1]) with { SlotsCovered = 12_345_678_901 }], Samples.Privacy, new BlockRange(2, 7)));
        using var response = await SendAsync(server, Responses.JsonBody("""{"queries":[[1,2,3]]}"""), accept: form);
        if (form == "application/json")
        {
            var answer = JsonSerializer.Deserialize<AttendResponse>(await response.Content.ReadAsStringAsync(), Responses.Json)!;
            Assert.Equal((12_345_678_901, new BlockRange(2, 7)), (answer.SlotsCovered!.Value, answer.Blocks));
            return;
        }
        Assert.Equal(
            ["12345678901", "2", "7"],
            new[] { "Privacy-Slots-Covered", "Privacy-Blocks-From", "Privacy-Blocks-To" }.Select(name => response.Headers.GetValues(name).Single()));
        server.Door.Answer(nameof(IFrontDoor.AttendAsync), _ => new AttendResult([Samples.Answer([1])], Samples.Privacy));
        using var without = await SendAsync(server, Responses.JsonBody("""{"queries":[[1,2,3]]}"""), accept: form);
        Assert.DoesNotContain(without.Headers, header => header.Key.StartsWith("Privacy-Slots", StringComparison.Ordinal) || header.Key.StartsWith("Privacy-Blocks", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Numbers_come_back_as_the_same_doubles_and_the_same_bytes()
    {
        await using var server = await ServerUnderTest.StartAsync();
        double[] awkward = [0, -0.0, 1.0 / 3, 1e-320, double.Epsilon, double.MaxValue, -1e22, 123456789012345680, 5e-324, 0.1, 1e21, -1.7976931348623157e308];
        server.Door.Answer(nameof(IFrontDoor.AttendAsync), _ => new AttendResult([Samples.Answer(awkward), Samples.Answer([.. awkward.Reverse()])], Samples.Privacy));
        var first = await SendAsync(server, Responses.JsonBody("""{"queries":[[1],[2]]}""")).TextAsync();
        var second = await SendAsync(server, Responses.JsonBody("""{"queries":[[1],[2]]}""")).TextAsync();
        Assert.Equal(first, second);
        var answer = JsonSerializer.Deserialize<AttendResponse>(first, Responses.Json)!;
        Assert.Equal(awkward.Select(BitConverter.DoubleToInt64Bits), answer.Outputs[0].Select(BitConverter.DoubleToInt64Bits));
        Assert.Equal(awkward.Reverse().Select(BitConverter.DoubleToInt64Bits), answer.Outputs[1].Select(BitConverter.DoubleToInt64Bits));
    }

    [Fact]
    public async Task A_deviation_that_nothing_bounds_is_null_and_a_missing_mean_is_left_out()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Answer(nameof(IFrontDoor.AttendAsync), _ => new AttendResult([Samples.Answer([1, 2], double.PositiveInfinity, null)], Samples.Privacy));
        using var document = JsonDocument.Parse(await SendAsync(server, Responses.JsonBody("""{"queries":[[1]]}""")).TextAsync());
        Assert.Equal("[[null,null]]", document.RootElement.GetProperty("noiseDeviations").GetRawText());
        Assert.False(document.RootElement.TryGetProperty("indistinguishableFromMean", out _));
    }

    [Fact]
    public async Task A_figure_that_is_no_number_is_a_fault_and_not_half_a_body()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Answer(nameof(IFrontDoor.AttendAsync), _ => new AttendResult([Samples.Answer([1])], Samples.Privacy with { Spent = double.NaN }));
        await SendAsync(server, Responses.JsonBody("""{"queries":[[1]]}""")).ProblemAsync(ProblemCodes.InternalError);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 2)]
    [InlineData(700, 64)]
    public async Task Arrays_go_in_and_come_out(int queries, int dimension)
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Answer(nameof(IFrontDoor.AttendAsync), arguments =>
            new AttendResult([.. Enumerable.Range(0, queries).Select(i => Samples.Answer([.. ((AttendCommand)arguments[2]!).Queries.Row(i).ToArray().Select(x => -x)]))], Samples.Privacy));
        var matrix = new Matrix<double>(queries, dimension, [.. Enumerable.Range(0, queries * dimension).Select(i => i / 7.0)]);
        using var response = await SendAsync(server, Arrays.Content(Arrays.Npy(matrix, fortranOrder: true), "application/x-npy"), "?release=rel-1&tier=1&maxEpsilon=1.5&clip=true", "application/x-npy", "req-1");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/x-npy", response.Content.Headers.ContentType!.ToString());
        var outputs = Arrays.Read(await response.Content.ReadAsByteArrayAsync());
        Assert.NotNull(outputs.Double);
        Assert.Equal((queries, dimension), (outputs.Rows, outputs.Columns));
        Assert.Equal(matrix.Data.Select(x => -x), outputs.Double.Data);
        Assert.Equal(
            ["0.75", "0.5", "0.03125"],
            new[] { "Privacy-Epsilon-Spent", "Privacy-Tier-Epsilon", "Privacy-Kernel-Error-Bound" }.Select(name => response.Headers.GetValues(name).Single()));
        var command = Sent(server);
        Assert.Equal(("rel-1", 1, 1.5, "req-1", true), (command.Release, command.Tier, command.MaxEpsilon, command.RequestId, command.Clip));
        Assert.Equal(matrix.Data, command.Queries.Data);
    }

    [Theory]
    [InlineData("application/x-npz")]
    [InlineData("application/zip")]
    public async Task An_archive_has_every_figure(string accept)
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Answer(nameof(IFrontDoor.AttendAsync), _ => new AttendResult([Samples.Answer([1, 2], double.PositiveInfinity, true), Samples.Answer([3, 4])], Samples.Privacy));
        using var response = await SendAsync(server, Arrays.Content(Arrays.Npy(new Matrix<float>(2, 1, [1, 2])), "application/x-npy"), accept: accept);
        Assert.Equal(accept, response.Content.Headers.ContentType!.ToString());
        using var archive = new ZipArchive(await response.Content.ReadAsStreamAsync());
        Assert.Equal(["outputs.npy", "noise_deviations.npy", "interval_low.npy", "interval_high.npy", "indistinguishable.npy"], archive.Entries.Select(entry => entry.FullName));
        Assert.Equal([1, 2, 3, 4], Member("outputs").Double!.Data);
        Assert.Equal([double.PositiveInfinity, double.PositiveInfinity, 0.125, 0.125], Member("noise_deviations").Double!.Data);
        Assert.Equal([0.75, 1.75, 2.75, 3.75], Member("interval_low").Double!.Data);
        Assert.Equal([1.25, 2.25, 3.25, 4.25], Member("interval_high").Double!.Data);
        Assert.Equal([1, 0], Attention.IO.Npy.ReadLabels(archive.GetEntry("indistinguishable.npy")!.Open(), "marks"));

        Attention.IO.FloatMatrix Member(string name) => Attention.IO.Npy.ReadMatrix(archive.GetEntry(name + ".npy")!.Open(), name);
    }

    [Theory]
    [InlineData("*/*", "application/json")]
    [InlineData("application/*", "application/json")]
    [InlineData("text/html, application/x-npy;q=0.5", "application/x-npy")]
    [InlineData("application/json;q=0.1, application/x-npz", "application/x-npz")]
    [InlineData("application/json;q=0, */*", "application/x-npy")]
    public async Task The_caller_chooses_the_form(string accept, string mediaType)
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var response = await SendAsync(server, Responses.JsonBody("""{"queries":[[1]]}"""), accept: accept);
        Assert.Equal(mediaType, response.Content.Headers.ContentType!.MediaType);
    }

    [Theory]
    [InlineData("text/csv")]
    [InlineData("application/json;q=0")]
    [InlineData(";;;")]
    public async Task A_form_that_nobody_has_is_refused_before_anything_is_charged(string accept)
    {
        await using var server = await ServerUnderTest.StartAsync();
        await SendAsync(server, Responses.JsonBody("""{"queries":[[1]],"tier":1}"""), accept: accept).ProblemAsync(ProblemCodes.InvalidRequest, 406);
        Assert.Empty(server.Door.Calls);
    }

    [Theory]
    [InlineData("", "$: this is not well-formed JSON")]
    [InlineData("[[1]]", "$: an object")]
    [InlineData("{}", "'queries' is missing")]
    [InlineData("""{"queries":[]}""", "$.queries: it has no queries")]
    [InlineData("""{"queries":[[]]}""", "$.queries[0]: it has no numbers")]
    [InlineData("""{"queries":[1,2]}""", "$.queries[0]: an array of numbers")]
    [InlineData("""{"queries":[[1,2],[1]]}""", "$.queries[1]: it has 1 numbers where the first query has 2")]
    [InlineData("""{"queries":[[1,"2"]]}""", "$.queries[0][1]: a number")]
    [InlineData("""{"queries":[[1,null]]}""", "$.queries[0][1]: a number")]
    [InlineData("""{"queries":[[1,NaN]]}""", "not well-formed")]
    [InlineData("""{"queries":[[1,-Infinity]]}""", "not well-formed")]
    [InlineData("""{"queries":[[1,1e999]]}""", "$.queries[0][1]: the number is beyond")]
    [InlineData("""{"queries":null}""", "$.queries: an array")]
    [InlineData("""{"queries":[[1]],"queries":[[1]]}""", "twice")]
    [InlineData("""{"queries":[[1]],"account":"acc-2"}""", "'account' is no member")]
    [InlineData("""{"queries":[[1]],"tier":"1"}""", "$.tier: a whole number")]
    [InlineData("""{"queries":[[1]],"tier":1.5}""", "$.tier: a whole number")]
    [InlineData("""{"queries":[[1]],"maxEpsilon":"1"}""", "$.maxEpsilon: a finite number")]
    [InlineData("""{"queries":[[1]],"maxEpsilon":1e999}""", "$.maxEpsilon: a finite number")]
    [InlineData("""{"queries":[[1]],"clip":1}""", "$.clip: true or false")]
    [InlineData("""{"queries":[[1]],"rows":[0,1]}""", "$.rows: an object with from and to")]
    [InlineData("""{"queries":[[1]],"rows":{"from":0}}""", "$.rows: 'to' is missing")]
    [InlineData("""{"queries":[[1]],"rows":{"to":1}}""", "$.rows: 'from' is missing")]
    [InlineData("""{"queries":[[1]],"rows":{"from":0,"from":1,"to":2}}""", "$.rows: a member stands twice")]
    [InlineData("""{"queries":[[1]],"rows":{"from":0,"until":2}}""", "'until' is no member")]
    [InlineData("""{"queries":[[1]],"rows":{"from":0.5,"to":2}}""", "$.rows.from: a whole number")]
    [InlineData("""{"queries":[[1]],"rows":{"from":0,"to":"2"}}""", "$.rows.to: a whole number")]
    [InlineData("""{"queries":[[1]],"rows":{"from":0,"to":2},"rows":null}""", "twice")]
    [InlineData("""{"queries":[[1]],"release":7}""", "$.release: a text")]
    [InlineData("""{"queries":[[1]]} 1""", "not well-formed")]
    [InlineData("""{"queries":[[1]]""", "not well-formed")]
    [InlineData("""{"queries":[[1],]}""", "not well-formed")]
    public async Task What_is_wrong_with_a_request_is_told_by_path(string body, string what)
    {
        await using var server = await ServerUnderTest.StartAsync();
        var problem = await SendAsync(server, Responses.JsonBody(body)).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Contains(what, problem.Detail);
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task Parameters_beside_a_json_body_are_refused()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var problem = await SendAsync(server, Responses.JsonBody("""{"queries":[[1]]}"""), "?tier=1").ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Contains("'tier'", problem.Detail);
        Assert.Empty(server.Door.Calls);
    }

    [Theory]
    [InlineData("?tier=x", "tier")]
    [InlineData("?tier=99999999999", "tier")]
    [InlineData("?maxEpsilon=NaN", "maxEpsilon")]
    [InlineData("?maxEpsilon=1e999", "maxEpsilon")]
    [InlineData("?maxEpsilon=lots", "maxEpsilon")]
    [InlineData("?clip=1", "clip")]
    [InlineData("?rowsFrom=1", "'rowsFrom' and 'rowsTo' stand together")]
    [InlineData("?rowsTo=1", "'rowsFrom' and 'rowsTo' stand together")]
    [InlineData("?rowsFrom=x&rowsTo=1", "rowsFrom")]
    [InlineData("?rowsFrom=0&rowsTo=1.5", "rowsTo")]
    [InlineData("?rows=0:1", "rows")]
    [InlineData("?maxepsilon=1", "maxepsilon")]
    [InlineData("?account=acc-2", "account")]
    public async Task A_parameter_beside_an_array_is_read_as_strictly(string query, string name)
    {
        await using var server = await ServerUnderTest.StartAsync();
        var problem = await SendAsync(server, Arrays.Content(Arrays.Npy(1, 2, 1, 2), "application/x-npy"), query).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Contains(name, problem.Detail);
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task A_bad_array_of_queries_is_refused()
    {
        await using var server = await ServerUnderTest.StartAsync();
        byte[] good = Arrays.Npy(2, 2, 1, 2, 3, 4);
        foreach (var (bytes, what) in new[]
        {
            (good[..^1], "queries: "), ([.. good, 0], "more bytes follow"), (Arrays.Raw("<i4", "(1, 2)", new byte[8]), "int32"), (Arrays.Raw("|O", "(1, 2)", new byte[16]), "'|O'"),
            (Array.Empty<byte>(), "not a .npy file"), (Arrays.Npy(0, 2), "no queries"), (Arrays.Npy(2, 0), "no columns"), (Arrays.Raw("<f8", "(1, 1, 1)", new byte[8]), "rank 3"),
        })
        {
            var problem = await SendAsync(server, Arrays.Content(bytes, "application/x-npy")).ProblemAsync(ProblemCodes.InvalidRequest);
            Assert.Contains(what, problem.Detail);
        }
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task Too_many_queries_are_413()
    {
        await using var server = await ServerUnderTest.StartAsync(options => options.MaxQueries = 3);
        var problem = await SendAsync(server, Responses.JsonBody("""{"queries":[[1],[2],[3],[4]]}""")).ProblemAsync(ProblemCodes.TooLarge);
        Assert.Contains("3 queries", problem.Detail);
        await SendAsync(server, Arrays.Content(Arrays.Npy(4, 1, 1, 2, 3, 4), "application/x-npy")).ProblemAsync(ProblemCodes.TooLarge);
        Assert.Empty(server.Door.Calls);
        await SendAsync(server, Responses.JsonBody("""{"queries":[[1],[2],[3]]}""")).TextAsync();
    }

    [Theory]
    [InlineData("application/json", false)]
    [InlineData("application/json", true)]
    [InlineData("application/x-npy", false)]
    [InlineData("application/x-npy", true)]
    public async Task A_body_over_the_cap_is_413(string mediaType, bool isChunked)
    {
        await using var server = await ServerUnderTest.StartAsync(options => options.MaxBodyBytes = 2048);
        using var request = new HttpRequestMessage(HttpMethod.Post, Path)
        {
            Content = mediaType == "application/json" ? Responses.JsonBody("""{"queries":[[1]]}""".PadRight(3000)) : Arrays.Content(Arrays.Npy(new Matrix<double>(500, 1)), mediaType),
        };
        request.Headers.TransferEncodingChunked = isChunked;
        await server.Client.SendAsync(request).ProblemAsync(ProblemCodes.TooLarge);
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task A_body_in_many_pieces_is_read_whole()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var numbers = Enumerable.Range(0, 4000).Select(i => (i / 3.0).ToString("R", CultureInfo.InvariantCulture)).ToArray();
        var body = $"{{\"queries\":[[{string.Join(',', numbers)}]],\"tier\":1}}";
        using var content = new StreamContent(new DribblingStream(Encoding.UTF8.GetBytes(body), 777)) { Headers = { ContentType = new("application/json") } };
        await SendAsync(server, content).TextAsync();
        Assert.Equal(Enumerable.Range(0, 4000).Select(i => i / 3.0), Sent(server).Queries.Data);
    }

    [Fact]
    public async Task What_the_library_refuses_in_a_query_is_told_by_its_number()
    {
        await using var server = await ServerUnderTest.StartAsync(door: LibraryDoor.Create());
        await SendAsync(server, Responses.JsonBody("""{"queries":[[0,0,0.5]]}""")).TextAsync();
        var problem = await SendAsync(server, Responses.JsonBody("""{"queries":[[0,0,0.5],[7,7,7]]}""")).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.StartsWith("query 1: ", problem.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("7", problem.Detail);
        problem = await SendAsync(server, Arrays.Content(Arrays.Npy(1, 3, 0, double.NaN, 0), "application/x-npy")).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.StartsWith("query 0: ", problem.Detail, StringComparison.Ordinal);
        await SendAsync(server, Responses.JsonBody("""{"queries":[[1,2]]}""")).ProblemAsync(ProblemCodes.InvalidRequest);
        await SendAsync(server, Responses.JsonBody("""{"queries":[[7,7,7]],"clip":true}""")).TextAsync();
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    public async Task An_idempotency_key_that_is_none_is_refused(string key)
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = Responses.JsonBody("""{"queries":[[1]]}""") };
        request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        await server.Client.SendAsync(request).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Empty(server.Door.Calls);
    }
}
