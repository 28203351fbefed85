using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using DpAttn.Attention;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Server.Tests.Support;

namespace DpAttn.Server.Tests;

public sealed class RowsTests
{
    private static readonly byte[] Keys = Arrays.Npy(2, 3, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6);
    private static readonly byte[] Values = Arrays.Npy(new Matrix<float>(2, 2, [1, 0, 0, 1]));

    private static async Task<HttpResponseMessage> SendAsync(ServerUnderTest server, HttpContent content, string? batch = "b1", string query = "")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/stores/s/rows" + query) { Content = content };
        if (batch is not null)
            request.Headers.TryAddWithoutValidation("Idempotency-Key", batch);
        return await server.Client.SendAsync(request);
    }

    private static RowBatch Sent(ServerUnderTest server) => (RowBatch)Assert.Single(server.Door.Calls, call => call.Method == nameof(IFrontDoor.AppendAsync)).Arguments[3]!;

    [Fact]
    public async Task A_pair_of_arrays_arrives_as_it_was_sent()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var text = await SendAsync(server, Arrays.Parts(("keys", Keys), ("values", Values))).TextAsync(HttpStatusCode.Created);
        Responses.AssertIs(new AppendResult("b1", 0, 2, false), text);
        var rows = Sent(server);
        Assert.Equal([0.4, 0.5, 0.6], Arrays.Row(rows.Keys, 1));
        Assert.Equal([0, 1], Arrays.Row(rows.Values, 1));
        Assert.NotNull(rows.Values.Single);
        Assert.Null(rows.IsNull);
        Assert.False(rows.Clip);
        Assert.Equal(("s", "b1"), (server.Door.Calls.Single().Arguments[1], server.Door.Calls.Single().Arguments[2]));
    }

    [Theory]
    [InlineData("application/x-npz", CompressionLevel.NoCompression)]
    [InlineData("application/zip", CompressionLevel.Optimal)]
    public async Task An_archive_arrives_as_it_was_sent(string mediaType, CompressionLevel level)
    {
        await using var server = await ServerUnderTest.StartAsync();
        var archive = Arrays.Npz(level, ("keys.npy", Keys), ("values.npy", Values), ("nulls.npy", Arrays.Marks(0, 1)));
        await SendAsync(server, Arrays.Content(archive, mediaType), query: "?clip=true").TextAsync(HttpStatusCode.Created);
        var rows = Sent(server);
        Assert.Equal([0.1, 0.2, 0.3], Arrays.Row(rows.Keys, 0));
        Assert.Equal([false, true], rows.IsNull!);
        Assert.True(rows.Clip);
    }

    [Theory]
    [InlineData("isNull", "|b1")]
    [InlineData("isNull", "|u1")]
    [InlineData("nulls", "|i1")]
    public async Task Null_slots_are_marked_by_bools_or_whole_numbers(string name, string descr)
    {
        await using var server = await ServerUnderTest.StartAsync();
        await SendAsync(server, Arrays.Parts(("values", Values), (name, Arrays.Raw(descr, "(2,)", [1, 0])), ("keys", Keys))).TextAsync(HttpStatusCode.Created);
        Assert.Equal([true, false], Sent(server).IsNull!);
    }

    [Fact]
    public async Task Rows_may_come_as_json_lines()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var body = "{\"key\":[0.1,0.2,3e-1],\"value\":[1,0]}\r\n\n{}\n {\"value\":[-0,1],\"key\":[4,5,6]}";
        await SendAsync(server, Responses.JsonBody(body, "application/x-ndjson")).TextAsync(HttpStatusCode.Created);
        var rows = Sent(server);
        Assert.Equal([false, true, false], rows.IsNull!);
        Assert.Equal([0.1, 0.2, 0.3], Arrays.Row(rows.Keys, 0));
        Assert.Equal([0, 0, 0], Arrays.Row(rows.Keys, 1));
        Assert.Equal([4, 5, 6], Arrays.Row(rows.Keys, 2));
        Assert.Equal([-0.0, 1], Arrays.Row(rows.Values, 2));
    }

    [Fact]
    public async Task Null_slots_may_come_first_and_alone()
    {
        await using var server = await ServerUnderTest.StartAsync();
        await SendAsync(server, Responses.JsonBody("{}\n{}\n{\"key\":[1,2],\"value\":[3]}\n{}\n", "application/x-ndjson")).TextAsync(HttpStatusCode.Created);
        var rows = Sent(server);
        Assert.Equal([true, true, false, true], rows.IsNull!);
        Assert.Equal((4, 2, 1), (rows.Keys.Rows, rows.Keys.Columns, rows.Values.Columns));
        Assert.Equal([1, 2], Arrays.Row(rows.Keys, 2));
        Assert.Equal([0], Arrays.Row(rows.Values, 3));

        server.Door.Calls.Clear();
        await SendAsync(server, Responses.JsonBody("{}\n{}", "application/x-ndjson")).TextAsync(HttpStatusCode.Created);
        rows = Sent(server);
        Assert.Equal([true, true], rows.IsNull!);
        Assert.Equal((Samples.Definition.KeyDimension, Samples.Definition.ValueDimension), (rows.Keys.Columns, rows.Values.Columns));
    }

    [Fact]
    public async Task Ten_thousand_lines_in_small_pieces_arrive_in_order()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var text = new StringBuilder();
        for (var i = 0; i < 10_000; i++)
            text.Append("{\"key\":[").Append(i).Append(",1,2],\"value\":[").Append(i).Append(".25,0]}\n");
        using var stream = new DribblingStream(Encoding.UTF8.GetBytes(text.ToString()), 1237);
        await SendAsync(server, new StreamContent(stream) { Headers = { ContentType = new("application/x-ndjson") } }).TextAsync(HttpStatusCode.Created);
        var rows = Sent(server);
        Assert.Equal(10_000, rows.Keys.Rows);
        for (var i = 0; i < 10_000; i++)
            Assert.Equal((i, i + 0.25), (rows.Keys.Double![i, 0], rows.Values.Double![i, 0]));
    }

    [Fact]
    public async Task A_replayed_batch_says_so()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Answer(nameof(IFrontDoor.AppendAsync), _ => new AppendResult("b1", 5, 2, true));
        using var response = await SendAsync(server, Arrays.Parts(("keys", Keys), ("values", Values)));
        Assert.Equal(["true"], response.Headers.GetValues("Idempotency-Replayed"));
        Responses.AssertIs(new AppendResult("b1", 5, 2, true), await Task.FromResult(response).TextAsync());
    }

    [Theory]
    [InlineData(null, "missing")]
    [InlineData("", "1 to 128")]
    [InlineData("a b", "printable")]
    [InlineData(".", "no path")]
    [InlineData("..", "no path")]
    [InlineData("long", "1 to 128")]
    public async Task A_batch_needs_an_id_of_its_own(string? batch, string what)
    {
        await using var server = await ServerUnderTest.StartAsync();
        var problem = await SendAsync(server, Arrays.Parts(("keys", Keys), ("values", Values)), batch == "long" ? new string('b', 129) : batch).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Contains("Idempotency-Key", problem.Detail);
        Assert.Contains(what, problem.Detail);
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task Two_batch_ids_are_refused()
    {
        await using var server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/stores/s/rows") { Content = Arrays.Parts(("keys", Keys), ("values", Values)) };
        request.Headers.Add("Idempotency-Key", ["a", "b"]);
        // The client joins them into one line; the comma's space gives it away.
        await server.Client.SendAsync(request).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Empty(server.Door.Calls);
    }

    public static TheoryData<string, string> BadArrays => new()
    {
        { "int64", "dtype int64 where float32 or float64" },
        { "object", "'|O'" },
        { "structured", "dtype" },
        { "rank3", "rank 3" },
        { "rank0", "rank 0" },
        { "truncated", "24 bytes" },
        { "trailing", "more bytes follow" },
        { "header", "header announces" },
        { "huge", "at most" },
        { "magic", "not a .npy file" },
        { "empty", "not a .npy file" },
        { "version", "version 9.0" },
    };

    private static byte[] BadArray(string fault) => fault switch
    {
        "int64" => Arrays.Raw("<i8", "(2, 3)", new byte[48]),
        "object" => Arrays.Raw("|O", "(2, 3)", new byte[48]),
        "structured" => Arrays.Raw("<f4,<f4", "(2, 3)", new byte[48]),
        "rank3" => Arrays.Raw("<f8", "(2, 3, 1)", new byte[48]),
        "rank0" => Arrays.Raw("<f8", "()", new byte[8]),
        "truncated" => Keys[..^24],
        "trailing" => [.. Keys, 0],
        "header" => [0x93, .. "NUMPY"u8, 2, 0, 0, 0xff, 0, 0, .. "{'descr'"u8],
        "huge" => Arrays.Raw("<f8", "(2147483647, 2147483647)", new byte[48]),
        "magic" => Encoding.ASCII.GetBytes("PK\u0003\u0004 this is something else"),
        "empty" => [],
        _ => [.. Keys[..6], 9, 0, .. Keys[8..]],
    };

    [Theory]
    [MemberData(nameof(BadArrays))]
    public async Task A_bad_array_is_refused_by_its_part_and_nothing_is_stored(string fault, string what)
    {
        await using var server = await ServerUnderTest.StartAsync();
        var problem = await SendAsync(server, Arrays.Parts(("keys", BadArray(fault)), ("values", Values))).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.StartsWith("batch 'b1', part 'keys': ", problem.Detail, StringComparison.Ordinal);
        if (fault != "truncated")
            Assert.Contains(what, problem.Detail);
        problem = await SendAsync(server, Arrays.Content(Arrays.Npz(CompressionLevel.Optimal, ("keys.npy", BadArray(fault)), ("values.npy", Values)), "application/zip")).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.StartsWith("batch 'b1', member 'keys': ", problem.Detail, StringComparison.Ordinal);
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task Parts_must_be_those_that_are_known_each_once()
    {
        await using var server = await ServerUnderTest.StartAsync();
        await Refused(Arrays.Parts(("keys", Keys)), "values is missing");
        await Refused(Arrays.Parts(("values", Values)), "keys is missing");
        await Refused(Arrays.Parts(("keys", Keys), ("keys", Keys), ("values", Values)), "part 'keys': it stands twice");
        await Refused(Arrays.Parts(("keys", Keys), ("values", Values), ("labels", Values)), "part 'labels': it is unknown");
        await Refused(Arrays.Parts(("keys", Keys), ("values", Values), ("isNull", Arrays.Marks(0, 2))), "element 1 is neither 0 nor 1");
        await Refused(Arrays.Parts(("keys", Keys), ("values", Values), ("isNull", Arrays.Marks(0, 1, 1))), "3 null marks for 2 slots");
        await Refused(Arrays.Parts(("keys", Keys), ("values", Arrays.Npy(3, 1, 1, 2, 3))), "2 keys but 3 values");
        await Refused(Arrays.Parts(("keys", Arrays.Npy(0, 3)), ("values", Arrays.Npy(0, 2))), "at least one slot");
        await Refused(Arrays.Parts(("keys", Arrays.Npy(2, 0)), ("values", Values)), "at least 1");
        Assert.Empty(server.Door.Calls);

        async Task Refused(HttpContent content, string what) =>
            Assert.Contains(what, (await SendAsync(server, content).ProblemAsync(ProblemCodes.InvalidRequest)).Detail);
    }

    [Theory]
    [InlineData("--x\r\nContent-Disposition: form-data; name=\"keys\"\r\n\r\nabc", "x")]
    [InlineData("no boundary at all", "x")]
    [InlineData("", "x")]
    [InlineData("--x--\r\n", "")]
    public async Task A_broken_multipart_body_is_refused(string body, string boundary)
    {
        await using var server = await ServerUnderTest.StartAsync();
        var content = new ByteArrayContent(Encoding.ASCII.GetBytes(body));
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(boundary.Length == 0 ? "multipart/form-data" : $"multipart/form-data; boundary={boundary}");
        var problem = await SendAsync(server, content).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.StartsWith("batch 'b1', ", problem.Detail, StringComparison.Ordinal);
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task A_broken_archive_is_refused()
    {
        await using var server = await ServerUnderTest.StartAsync();
        var whole = Arrays.Npz(CompressionLevel.Optimal, ("keys.npy", Keys), ("values.npy", Values));
        // The last two: damage within the deflated bytes, and one flipped bit of a stored number, which only the checksum gives away.
        var stored = Arrays.Npz(CompressionLevel.NoCompression, ("keys.npy", Keys), ("values.npy", Values));
        var flipped = (byte[])stored.Clone();
        flipped[flipped.AsSpan().IndexOf(Keys.AsSpan()[^8..])] ^= 1;
        foreach (var bytes in new[] { [], Keys, whole[..^10], [.. whole[..60], 0xff, 0xff, 0xff, .. whole[63..]], flipped })
        {
            var problem = await SendAsync(server, Arrays.Content(bytes, "application/x-npz")).ProblemAsync(ProblemCodes.InvalidRequest);
            Assert.StartsWith("batch 'b1', ", problem.Detail, StringComparison.Ordinal);
        }
        var many = Enumerable.Range(0, 9).Select(i => ($"k{i}.npy", Keys)).ToArray();
        var refused = await SendAsync(server, Arrays.Content(Arrays.Npz(CompressionLevel.Optimal, many), "application/x-npz")).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Contains("9 members", refused.Detail);
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task An_archive_that_inflates_beyond_the_cap_is_refused_before_it_is_inflated()
    {
        await using var server = await ServerUnderTest.StartAsync(options => options.MaxBodyBytes = 64 * 1024);
        var zeros = Arrays.Npy(new Matrix<double>(200_000, 3));
        var bomb = Arrays.Npz(CompressionLevel.SmallestSize, ("keys.npy", zeros), ("values.npy", Values));
        Assert.True(bomb.Length < 64 * 1024);
        var problem = await SendAsync(server, Arrays.Content(bomb, "application/x-npz")).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Contains("65536 bytes", problem.Detail);
        // Each fits, both together do not.
        var half = Arrays.Npy(new Matrix<double>(2000, 3));
        bomb = Arrays.Npz(CompressionLevel.SmallestSize, ("keys.npy", half), ("values.npy", half));
        problem = await SendAsync(server, Arrays.Content(bomb, "application/x-npz")).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Contains("member 'values'", problem.Detail);
        Assert.Empty(server.Door.Calls);
    }

    [Theory]
    [InlineData("", "no lines")]
    [InlineData("\n\n", "no lines")]
    [InlineData("{\"key\":[1],\"value\":[1]}\n[1]", "row 1: $: an object")]
    [InlineData("{\"key\":[1],\"value\":[1]}\n{\"key\":[1]}", "row 1: $: 'value' is missing")]
    [InlineData("{\"value\":[1]}", "row 0: $: 'key' is missing")]
    [InlineData("{\"key\":[1,2],\"value\":[1]}\n{\"key\":[1],\"value\":[1]}", "row 1: $.key: it has 1 numbers where the first row has 2")]
    [InlineData("{\"key\":[1],\"value\":[1]}\n{\"key\":[1],\"value\":[1,2]}", "row 1: $.value: it has 2 numbers")]
    [InlineData("{\"key\":[],\"value\":[1]}", "row 0: $.key: it has no numbers")]
    [InlineData("{\"key\":[1,\"2\"],\"value\":[1]}", "row 0: $.key[1]: a number is needed")]
    [InlineData("{\"key\":[1,null],\"value\":[1]}", "row 0: $.key[1]: a number is needed")]
    [InlineData("{\"key\":[1,[2]],\"value\":[1]}", "row 0: $.key[1]: a number is needed")]
    [InlineData("{\"key\":[1e999],\"value\":[1]}", "row 0: $.key[0]: the number is beyond")]
    [InlineData("{\"key\":[NaN],\"value\":[1]}", "row 0: $: this is not well-formed JSON")]
    [InlineData("{\"key\":1,\"value\":[1]}", "row 0: $.key: an array of numbers")]
    [InlineData("{\"key\":[1],\"value\":[1],\"id\":7}", "row 0: $: 'id' is no member")]
    [InlineData("{\"key\":[1],\"key\":[1],\"value\":[1]}", "row 0: $: 'key' is no member here or stands twice")]
    [InlineData("{\"key\":[1],\"value\":[1]} {}", "row 0: $: this is not well-formed JSON")]
    [InlineData("{\"key\":[1],\"value\":[1]", "row 0: $: this is not well-formed JSON")]
    public async Task What_is_wrong_with_a_line_is_told_by_row_and_path(string body, string what)
    {
        await using var server = await ServerUnderTest.StartAsync();
        var problem = await SendAsync(server, Responses.JsonBody(body, "application/x-ndjson")).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.StartsWith("batch 'b1', ", problem.Detail, StringComparison.Ordinal);
        Assert.Contains(what, problem.Detail);
        Assert.Empty(server.Door.Calls);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_line_over_its_cap_is_refused_however_it_ends(bool isLast)
    {
        await using var server = await ServerUnderTest.StartAsync(options => options.MaxJsonLineBytes = 1024);
        var body = "{}\n{\"key\":[1],\"value\":[1]}".PadRight(1024 + 4) + (isLast ? "" : "\n{}");
        var problem = await SendAsync(server, Responses.JsonBody(body, "application/x-ndjson")).ProblemAsync(ProblemCodes.TooLarge);
        Assert.Equal("batch 'b1', row 1: its line has more than 1024 bytes", problem.Detail);
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task Lines_whose_numbers_outgrow_the_cap_are_refused()
    {
        await using var server = await ServerUnderTest.StartAsync(options => options.MaxBodyBytes = 4096);
        var body = string.Concat(Enumerable.Repeat("{\"key\":[1,2,3,4,5,6,7,8,9,1],\"value\":[1]}\n", 90));
        var problem = await SendAsync(server, Responses.JsonBody(body, "application/x-ndjson")).ProblemAsync(ProblemCodes.TooLarge);
        Assert.Contains("4096 bytes", problem.Detail);
        // Null slots cost two bytes to send and a row to hold.
        body = string.Concat(Enumerable.Repeat("{}\n", 1000)) + "{\"key\":[1,2],\"value\":[1]}";
        await SendAsync(server, Responses.JsonBody(body, "application/x-ndjson")).ProblemAsync(ProblemCodes.TooLarge);
        Assert.Empty(server.Door.Calls);
    }

    [Theory]
    [InlineData("multipart", false)]
    [InlineData("multipart", true)]
    [InlineData("npz", false)]
    [InlineData("npz", true)]
    [InlineData("ndjson", false)]
    [InlineData("ndjson", true)]
    public async Task A_body_over_the_cap_is_413_whatever_it_is(string form, bool isChunked)
    {
        await using var server = await ServerUnderTest.StartAsync(options => options.MaxBodyBytes = 4096);
        var large = Arrays.Npy(new Matrix<double>(1000, 3));
        HttpContent content = form switch
        {
            "multipart" => Arrays.Parts(("keys", large), ("values", large)),
            "npz" => Arrays.Content(Arrays.Npz(CompressionLevel.NoCompression, ("keys.npy", large)), "application/x-npz"),
            _ => Responses.JsonBody(string.Concat(Enumerable.Repeat("{}   \n", 1000)), "application/x-ndjson"),
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/stores/s/rows") { Content = content };
        request.Headers.Add("Idempotency-Key", "b1");
        request.Headers.TransferEncodingChunked = isChunked;
        var problem = await server.Client.SendAsync(request).ProblemAsync(ProblemCodes.TooLarge);
        Assert.False(problem.Retryable);
        Assert.Empty(server.Door.Calls);
    }

    [Fact]
    public async Task What_the_cluster_refuses_in_a_row_is_told_with_its_batch()
    {
        await using var server = await ServerUnderTest.StartAsync();
        server.Door.Throw(nameof(IFrontDoor.AppendAsync), new ProblemException(ProblemCodes.InvalidRequest, "key of row 1: outside the ball of radius 1"));
        var problem = await SendAsync(server, Arrays.Parts(("keys", Keys), ("values", Values))).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Equal("batch 'b1', key of row 1: outside the ball of radius 1", problem.Detail);
        server.Door.Throw(nameof(IFrontDoor.AppendAsync), new ProblemException(ProblemCodes.RequestConflict, "batch 'b1' was stored with other content"));
        problem = await SendAsync(server, Arrays.Parts(("keys", Keys), ("values", Values))).ProblemAsync(ProblemCodes.RequestConflict);
        Assert.Equal("batch 'b1' was stored with other content", problem.Detail);
    }

    [Fact]
    public async Task Rows_that_the_library_refuses_are_told_with_their_batch()
    {
        await using var server = await ServerUnderTest.StartAsync(door: LibraryDoor.Create());
        var outside = Arrays.Npy(2, 3, 0, 0, 0, 5, 5, 5);
        var problem = await SendAsync(server, Arrays.Parts(("keys", outside), ("values", Values))).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.StartsWith("batch 'b1', key of row 1: ", problem.Detail, StringComparison.Ordinal);
        Assert.Contains("radius 1", problem.Detail);
        Assert.DoesNotContain("5", problem.Detail);
        problem = await SendAsync(server, Arrays.Parts(("keys", Arrays.Npy(1, 3, double.NaN, 0, 0)), ("values", Arrays.Npy(1, 2, 0, 0)))).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Equal("batch 'b1', key of row 0: coordinate 0 is NaN or infinite", problem.Detail);
        problem = await SendAsync(server, Arrays.Parts(("keys", Arrays.Npy(1, 4, 0, 0, 0, 0)), ("values", Arrays.Npy(1, 2, 0, 0)))).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.StartsWith("batch 'b1', ", problem.Detail, StringComparison.Ordinal);
        await SendAsync(server, Arrays.Parts(("keys", outside), ("values", Values)), query: "?clip=true").TextAsync(HttpStatusCode.Created);
    }

    [Theory]
    [InlineData("?clip=yes", "clip")]
    [InlineData("?clip=true&clip=true", "clip")]
    [InlineData("?klip=true", "klip")]
    public async Task Clipping_is_never_guessed(string query, string name)
    {
        await using var server = await ServerUnderTest.StartAsync();
        var problem = await SendAsync(server, Arrays.Parts(("keys", Keys), ("values", Values)), query: query).ProblemAsync(ProblemCodes.InvalidRequest);
        Assert.Contains(name, problem.Detail);
        Assert.Empty(server.Door.Calls);
    }
}
