using System.Globalization;
using DpAttn.Contracts;
using DpAttn.Server.Http;
using DpAttn.Server.Rows;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Scalar.AspNetCore;

namespace DpAttn.Server.OpenApi;

/// <summary>The OpenAPI 3.1 document and the page that shows it. Both ask for a credential, of any role.</summary>
internal static class ApiDocument
{
    public const string Name = "v1";
    private const string Bearer = "bearer";
    private const string Header = "apiKeyHeader";

    // The page may fetch from this server and nowhere else.
    private const string PagePolicy = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

    /// <summary>Problems that any endpoint may have.</summary>
    public static IReadOnlyList<string> CommonProblems { get; } =
        [ProblemCodes.InvalidRequest, ProblemCodes.Unauthenticated, ProblemCodes.Forbidden, ProblemCodes.RateLimited, ProblemCodes.InternalError, ProblemCodes.ShardUnavailable, ProblemCodes.Busy];

    private static readonly Dictionary<string, string> Parameters = new(StringComparer.Ordinal)
    {
        ["store"] = "The store's name.",
        ["release"] = "The release's id.",
        ["account"] = "The account's opaque id.",
        ["batch"] = "The batch id.",
        ["index"] = "The row's number in its batch, counted from 0.",
        ["id"] = "The key's id.",
    };

    public static void Configure(OpenApiOptions options)
    {
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo
            {
                Title = "DpAttn",
                Version = Name,
                Description = "Cross-attention over private rows under (epsilon, delta)-differential privacy. Every epsilon stands beside its delta; each figure is its own conversion, and they do not add.",
            };
            document.Servers = [];
            var components = document.Components ??= new OpenApiComponents();
            components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
            {
                [Bearer] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", BearerFormat = "an API key, or a JWT", Description = "An API key, or a token (JWT) of the OpenID Connect issuer that the server is set to." },
                [Header] = new OpenApiSecurityScheme { Type = SecuritySchemeType.ApiKey, In = ParameterLocation.Header, Name = Credential.HeaderName, Description = "An API key." },
            };
            document.Security =
            [
                new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Bearer, document)] = [] },
                new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Header, document)] = [] },
            ];
            return Task.CompletedTask;
        });
        options.AddOperationTransformer(DescribeAsync);
    }

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapOpenApi("/openapi/{documentName}.json").WithMetadata(new BrowserPage());
        routes.MapScalarApiReference("/docs", options => options
                .WithTitle("DpAttn API")
                .WithOpenApiRoutePattern("/openapi/{documentName}.json")
                .AddDocument(Name)
                .DisableDefaultFonts()
                .DisableTelemetry()
                .DisableAgent()
                .DisableMcp()
                .HideDeveloperTools()
                .HideClientButton())
            .AddEndpointFilter((context, next) =>
            {
                context.HttpContext.Response.Headers.ContentSecurityPolicy = PagePolicy;
                return next(context);
            })
            .WithMetadata(new BrowserPage());
    }

    private static Task DescribeAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var notes = context.Description.ActionDescriptor.EndpointMetadata;
        foreach (var parameter in operation.Parameters ?? [])
        {
            if (parameter is OpenApiParameter { Description: null, Name: { } name } stated && Parameters.TryGetValue(name, out var text))
                stated.Description = text;
            // Read as text, so that a bad one is refused like everything else.
            if (parameter is OpenApiParameter { Name: "index" } index)
                index.Schema = Schema("integer");
        }
        AddParameters(operation, notes);
        DescribeBodies(operation, notes);
        DescribeResponses(operation.Responses!, notes, context.Document!);
        DescribeProblems(operation.Responses!, notes);
        if (notes.OfType<BodyNote>().Any())
            operation.Responses!["415"] = Refusal("the media type is not read here", context.Document!);
        if (notes.OfType<ResponseNote>().GroupBy(note => note.Status).Any(status => status.Count() > 1))
            operation.Responses!["406"] = Refusal("Accept admits no media type that is given here", context.Document!);
        return Task.CompletedTask;
    }

    private static void AddParameters(OpenApiOperation operation, IList<object> notes)
    {
        var parameters = operation.Parameters ??= [];
        foreach (var query in notes.OfType<QueryNote>())
            parameters.Add(new OpenApiParameter { Name = query.Name, In = ParameterLocation.Query, Description = query.Description, Schema = Schema(query.Type) });
        foreach (var key in notes.OfType<IdempotencyNote>())
        {
            parameters.Add(new OpenApiParameter
            {
                Name = ResponseHeaders.IdempotencyKey,
                In = ParameterLocation.Header,
                Required = key.IsRequired,
                Description = key.Description + " 1 to 128 printable ASCII characters without spaces.",
                Schema = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = 128 },
            });
        }
    }

    private static void DescribeBodies(OpenApiOperation operation, IList<object> notes)
    {
        var bodies = notes.OfType<BodyNote>().ToList();
        if (bodies.Count == 0)
            return;
        var body = (OpenApiRequestBody)operation.RequestBody!;
        var schema = body.Content![EndpointNotes.AnyMediaType].Schema;
        body.Required = bodies[0].IsRequired;
        body.Description = string.Join(" ", bodies.Where(note => note.Description is not null).Select(note => $"{note.MediaType}: {note.Description}")) is { Length: > 0 } text ? text : null;
        body.Content = bodies.ToDictionary(note => note.MediaType, note => new OpenApiMediaType
        {
            Schema = note.Type is not null ? schema : note.MediaType == RequestBody.Multipart ? Parts() : Binary(),
        });
    }

    private static void DescribeResponses(OpenApiResponses responses, IList<object> notes, OpenApiDocument document)
    {
        foreach (var status in notes.OfType<ResponseNote>().GroupBy(note => note.Status))
        {
            var response = (OpenApiResponse)responses[status.Key.ToString(CultureInfo.InvariantCulture)];
            response.Description = string.Join(" ", status.Select(note => note.Description).Distinct());
            foreach (var note in status.Where(note => note.MediaType is not (null or RequestBody.Json)))
            {
                response.Content ??= new Dictionary<string, OpenApiMediaType>();
                response.Content[note.MediaType!] = new OpenApiMediaType { Schema = note.Type is { } line ? new OpenApiSchemaReference(line.Name, document) : Binary() };
            }
            if (notes.OfType<PrivacyHeadersNote>().Any())
                response.Headers = PrivacyHeaders();
        }
    }

    private static void DescribeProblems(OpenApiResponses responses, IList<object> notes)
    {
        foreach (var status in notes.OfType<ProblemNote>().SelectMany(note => note.Codes).Distinct().Select(ProblemTable.Of).GroupBy(kind => kind.Status))
        {
            var response = (OpenApiResponse)responses[status.Key.ToString(CultureInfo.InvariantCulture)];
            response.Description = string.Join("; ", status.Select(kind => $"{kind.Code}: {kind.Title}{(kind.IsRetryable ? " (retryable)" : "")}"));
            if (status.Any(kind => kind.RetryAfterSeconds is not null))
                response.Headers = new Dictionary<string, IOpenApiHeader> { ["Retry-After"] = new OpenApiHeader { Description = "Seconds.", Schema = Schema("integer") } };
        }
    }

    private static OpenApiResponse Refusal(string what, OpenApiDocument document) => new()
    {
        Description = $"{ProblemCodes.InvalidRequest}: {what}",
        Content = new Dictionary<string, OpenApiMediaType> { [ProblemWriter.MediaType] = new() { Schema = new OpenApiSchemaReference(nameof(Problem), document) } },
    };

    private static OpenApiSchema Parts() => new()
    {
        Type = JsonSchemaType.Object,
        Properties = new Dictionary<string, IOpenApiSchema> { [RowArrays.KeysName] = Binary(), [RowArrays.ValuesName] = Binary(), [RowArrays.IsNullName] = Binary() },
        Required = new HashSet<string> { RowArrays.KeysName, RowArrays.ValuesName },
    };

    private static OpenApiSchema Binary() => new() { Type = JsonSchemaType.String, Format = "binary" };

    private static OpenApiSchema Schema(string type) => new()
    {
        Type = type switch
        {
            "boolean" => JsonSchemaType.Boolean,
            "integer" => JsonSchemaType.Integer,
            "number" => JsonSchemaType.Number,
            _ => JsonSchemaType.String,
        },
    };

    private static Dictionary<string, IOpenApiHeader> PrivacyHeaders() => new()
    {
        [ResponseHeaders.EpsilonCharged] = new OpenApiHeader { Description = "What this request was charged, in epsilon.", Schema = Schema("number") },
        [ResponseHeaders.EpsilonRemaining] = new OpenApiHeader { Description = "The most that one further charge may cost.", Schema = Schema("number") },
        [ResponseHeaders.AboutMore] = new OpenApiHeader { Description = "How many more requests like this one the account's limit admits; left out where they are free.", Schema = Schema("integer") },
        [ResponseHeaders.Delta] = new OpenApiHeader { Description = "The store's delta, of every epsilon here.", Schema = Schema("number") },
        [ResponseHeaders.Release] = new OpenApiHeader { Description = "The release that answered; left out under per-query.", Schema = Schema("string") },
        [ResponseHeaders.Tier] = new OpenApiHeader { Description = "The tier that answered.", Schema = Schema("integer") },
        [ResponseHeaders.EpsilonSpent] = new OpenApiHeader { Description = "The account's total; not with JSON, whose body says it.", Schema = Schema("number") },
        [ResponseHeaders.TierEpsilon] = new OpenApiHeader { Description = "The tier's epsilon; not with JSON.", Schema = Schema("number") },
        [ResponseHeaders.KernelErrorBound] = new OpenApiHeader { Description = "The kernel's part of the error, in l2 norm; not with JSON.", Schema = Schema("number") },
        [ResponseHeaders.SlotsCovered] = new OpenApiHeader { Description = "The slots that the answers cover; left out under per-query, and not with JSON.", Schema = Schema("integer") },
        [ResponseHeaders.BlocksFrom] = new OpenApiHeader { Description = "The first block that the answers cover; with levels all only, and not with JSON.", Schema = Schema("integer") },
        [ResponseHeaders.BlocksTo] = new OpenApiHeader { Description = "The block after the last that the answers cover; with levels all only, and not with JSON.", Schema = Schema("integer") },
        [ResponseHeaders.IdempotencyReplayed] = new OpenApiHeader { Description = "true: the request was charged before; nothing was charged now.", Schema = Schema("string") },
    };
}
