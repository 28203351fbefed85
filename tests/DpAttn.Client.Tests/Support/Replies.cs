using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using DpAttn.Contracts;

namespace DpAttn.Client.Tests;

/// <summary>What a server answers. Serialised by reflection, apart from the client's own serialiser.</summary>
internal static class Replies
{
    private static readonly JsonSerializerOptions Web = new(JsonSerializerDefaults.Web);

    public static byte[] Bytes<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, Web);

    public static HttpResponseMessage Json<T>(T value, HttpStatusCode status = HttpStatusCode.OK) => Body(Bytes(value), "application/json", status);

    public static HttpResponseMessage Body(byte[] body, string contentType, HttpStatusCode status)
    {
        var response = new HttpResponseMessage(status) { Content = new ByteArrayContent(body) };
        response.Content.Headers.ContentType = new(contentType);
        return response;
    }

    public static HttpResponseMessage Text(string body, HttpStatusCode status, string contentType = "text/html") => Body(Encoding.UTF8.GetBytes(body), contentType, status);

    public static HttpResponseMessage Problem(HttpStatusCode status, string code, bool retryable = false, string detail = "what, where and the bound", int? retryAfter = null)
    {
        var response = Body(Bytes(Problems.Of(status, code, retryable, detail)), "application/problem+json", status);
        if (retryAfter is { } seconds)
            response.Headers.TryAddWithoutValidation("Retry-After", seconds.ToString(CultureInfo.InvariantCulture));
        return response;
    }

    public static HttpResponseMessage Problem(Problem problem) => Body(Bytes(problem), "application/problem+json", (HttpStatusCode)problem.Status);

    public static AttendResponse Answers(int count, int dimension, double charged = 0, bool replayed = false) => new()
    {
        Outputs = Matrix<double>(count, dimension, (i, j) => i + 0.25 * j),
        NoiseDeviations = Matrix<double?>(count, dimension, (i, j) => j == 0 ? null : 0.5),
        IntervalLow = Matrix<double>(count, dimension, (i, j) => -1),
        IntervalHigh = Matrix<double>(count, dimension, (i, j) => 1),
        KernelErrorBound = 0.125,
        IndistinguishableFromMean = [.. Enumerable.Repeat(false, count)],
        Privacy = new PrivacyRecord(2, 1, 1e-6, charged, 1, 0.5, replayed, "r1"),
    };

    public static StoreDescription Store(string name = "packages") => new()
    {
        Name = name,
        Incarnation = "inc1",
        State = "active",
        Definition = Definition,
        Slots = 10,
        Batches = 1,
        Releases = [Release("published", 1)],
    };

    public static StoreDefinition Definition => new()
    {
        KeyDimension = 2,
        ValueDimension = 1,
        Keys = new RegionBound(Ball: new BallBound(1)),
        Values = new ValueBoundStatement(Radius: 1),
        Ladder = [0.5, 1],
        Limit = 1,
        Capacity = 100,
    };

    public static ReleaseDescription Release(string state, double progress, string? failure = null) => new()
    {
        Id = "r1",
        State = state,
        Progress = progress,
        Slots = 10,
        Tiers = [new TierDescription(0, 0.5, 1e-6, 0.1), new TierDescription(1, 1, 1e-6, 0.2)],
        Created = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        Failure = failure,
    };

    public static BudgetDescription Budget(string account = "acc1") => new()
    {
        Account = account,
        Delta = 1e-6,
        Limit = 2,
        Spent = 1,
        Remaining = 1.5,
        LimitUnits = 200,
        SpentUnits = 100,
        Opened = [new OpenedTier("r1", 1)],
    };

    private static T[][] Matrix<T>(int rows, int columns, Func<int, int, T> cell) =>
        [.. Enumerable.Range(0, rows).Select(i => Enumerable.Range(0, columns).Select(j => cell(i, j)).ToArray())];
}
