using System.Text.Json.Serialization.Metadata;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Server.Http;
using Microsoft.AspNetCore.Http;

namespace DpAttn.Fuzzing.Tests;

/// <summary>JSON bodies of the API; a store's definition goes on to everything that is made of it before a store is.</summary>
internal static class JsonTargets
{
    private const int BodyCap = 1 << 16;

    public static IEnumerable<FuzzTarget> All =>
    [
        Body("json-definition", DpAttnJson.Default.StoreDefinition, Definitions, ["\"keyDimension\"", "\"ball\"", "\"box\"", "\"radius\"", "\"ladder\"", "\"mechanism\"", "\"distance-tree\"", "\"per-query\"", "\"degree\"", "\"taylor\"", "\"add-remove\"", "\"copies\"", "\"gridCells\"", "\"levels\"", "\"all\"", "\"blockRows\"", "\"continual\"", "\"public-schedule\""], definition =>
        {
            _ = SchemaFactory.Resolve(definition);
        }) with
        {
            // Schema, features' tables, kernel and calibration of what is stated, none of which depends on the body's length; the largest dimensions are 4,096.
            BytesAtMost = 64 << 20, Weight = 0.1,
        },
        Body("json-publish", DpAttnJson.Default.PublishRequest, ["""{"ladder":[0.5,1]}""", "{}"], ["\"ladder\""]),
        Body("json-close-block", DpAttnJson.Default.CloseBlockRequest, ["""{"block":3}"""], ["\"block\""]),
        Body("json-estimate", DpAttnJson.Default.EstimateRequest, ["""{"epsilon":0.5,"error":null,"rows":1000,"queries":3}""", "{}"], ["\"rows\"", "\"error\""]),
        Body("json-limit", DpAttnJson.Default.LimitRequest, ["""{"epsilon":2.5}"""], ["\"epsilon\""]),
        Body("json-lookup", DpAttnJson.Default.AccountLookup, ["""{"subject":"olga@example.org"}"""], ["\"subject\""]),
        Body("json-key", DpAttnJson.Default.KeyRequest, ["""{"subject":"olga","role":"owner"}"""], ["\"role\"", "\"operator\""]),
        Body("json-verification", DpAttnJson.Default.LedgerVerificationRequest, ["""{"incarnation":"0123456789abcdef"}"""], ["\"incarnation\""]),
        Body("json-acknowledgement", DpAttnJson.Default.AcknowledgementRequest, ["""{"store":"packages"}""", "{}"], ["\"store\""]),
    ];

    private static string[] Definitions { get; } =
    [
        """{"keyDimension":3,"valueDimension":2,"keys":{"ball":{"radius":1}},"values":{"radius":1},"scale":1,"ladder":[0.5,1,2],"limit":8,"capacity":100000,"shards":3}""",
        """{"keyDimension":2,"valueDimension":2,"keys":{"box":{"low":[0],"high":[1]}},"queries":{"box":{"low":[0,0],"high":[1,1]}},"values":{"entry":1},"adjacency":"add-remove","mechanism":{"name":"distance-tree","degree":1,"alpha":0.5,"gridCells":16,"copies":3},"delta":1e-6,"ladder":[1],"limit":4,"capacity":1000,"publicRows":500}""",
        """{"keyDimension":3,"valueDimension":1,"keys":{"ball":{"radius":2,"centre":[0,1,0]}},"values":{"radius":0.5},"scale":3.5,"mechanism":{"name":"per-query"},"ladder":[0.25,1],"limit":8,"capacity":5000}""",
        """{"keyDimension":2,"valueDimension":1,"keys":{"ball":{"radius":1}},"values":{"radius":1},"adjacency":"add-remove","mechanism":{"levels":"all","blockRows":64,"continual":true,"slots":"public-schedule"},"ladder":[0.5],"limit":1,"capacity":1000,"publicRows":900}""",
        """{"keyDimension":3,"valueDimension":2,"keys":{"ball":{"radius":1}},"values":{"radius":1},"mechanism":{"name":"moment-tree","degree":3,"kernel":"taylor"},"ladder":[0.5],"limit":1,"capacity":10}""",
    ];

    private static FuzzTarget Body<T>(string name, JsonTypeInfo<T> type, IReadOnlyList<string> seeds, IReadOnlyList<string> tokens, Action<T>? use = null)
        where T : class => new()
        {
            Name = name,
            Seeds = [.. seeds.Select(Pieces.Utf8)],
            Tokens = [.. Pieces.JsonTokens, .. tokens],
            Refusals = [typeof(Exception)],
            IsRefusal = exception => exception is StatusException || ProblemTranslator.Translate(exception, ProblemCodes.ShardUnavailable).Code != ProblemCodes.InternalError,
            BytesPerByte = 64,
            Read = bytes =>
            {
                var context = new DefaultHttpContext();
                context.Request.Body = new MemoryStream(bytes);
                context.Request.ContentType = "application/json";
                var value = RequestBody.ReadJsonAsync(context, type, BodyCap).GetAwaiter().GetResult();
                use?.Invoke(value);
                return true;
            },
        };
}
