using DpAttn.Contracts;
using DpAttn.Server.Http;
using Microsoft.AspNetCore.Http.Metadata;

namespace DpAttn.Server.OpenApi;

/// <summary>A body that an endpoint takes.</summary>
internal sealed record BodyNote(string MediaType, Type? Type, string? Description, bool IsRequired);

/// <summary>A query parameter that an endpoint takes.</summary>
internal sealed record QueryNote(string Name, string Type, string Description);

/// <summary>The idempotency key of an endpoint.</summary>
internal sealed record IdempotencyNote(string Description, bool IsRequired);

/// <summary>A response that an endpoint gives.</summary>
internal sealed record ResponseNote(int Status, string? MediaType, Type? Type, string Description);

/// <summary>An endpoint whose success carries the privacy record in headers.</summary>
internal sealed record PrivacyHeadersNote;

/// <summary>The problems of an endpoint, beside those that every endpoint has.</summary>
internal sealed record ProblemNote(IReadOnlyList<string> Codes);

/// <summary>What the OpenAPI document says about an endpoint, stated where the endpoint is mapped.</summary>
internal static class EndpointNotes
{
    // The endpoints check the media type themselves, and say which they take; the framework's own check would only say 415.
    public const string AnyMediaType = "*/*";

    public static RouteHandlerBuilder Takes<T>(this RouteHandlerBuilder endpoint, string mediaType, bool isRequired = true) =>
        endpoint.WithMetadata(new BodyNote(mediaType, typeof(T), null, isRequired), new AcceptsMetadata([AnyMediaType], typeof(T), !isRequired));

    public static RouteHandlerBuilder TakesBinary(this RouteHandlerBuilder endpoint, string mediaType, string description) =>
        endpoint.WithMetadata(new BodyNote(mediaType, null, description, true));

    public static RouteHandlerBuilder TakesRows(this RouteHandlerBuilder endpoint) => endpoint
        .TakesBinary(RequestBody.Multipart, "Parts keys (n x d) and values (n x dv), .npy files of float32 or float64; isNull (n, bool) under add-remove.")
        .TakesBinary(RequestBody.Npz, "Members keys (n x d) and values (n x dv), float32 or float64; isNull (n, bool) under add-remove.")
        .TakesBinary(RequestBody.Zip, "As application/x-npz.")
        .Takes<RowLine>(RequestBody.JsonLines);

    public static RouteHandlerBuilder TakesQuery(this RouteHandlerBuilder endpoint, string name, string type, string description) =>
        endpoint.WithMetadata(new QueryNote(name, type, description));

    public static RouteHandlerBuilder TakesIdempotencyKey(this RouteHandlerBuilder endpoint, string description, bool isRequired) =>
        endpoint.WithMetadata(new IdempotencyNote(description, isRequired));

    public static RouteHandlerBuilder Gives<T>(this RouteHandlerBuilder endpoint, string mediaType, int status = StatusCodes.Status200OK, string description = "Done.") =>
        endpoint.WithMetadata(mediaType == RequestBody.Json
            ? [new ResponseNote(status, mediaType, typeof(T), description), new ProducesResponseTypeMetadata(status, typeof(T), [mediaType])]
            : [new ResponseNote(status, mediaType, typeof(T), description)]);

    public static RouteHandlerBuilder Gives(this RouteHandlerBuilder endpoint, int status, string description) =>
        endpoint.WithMetadata(new ResponseNote(status, null, null, description), new ProducesResponseTypeMetadata(status, typeof(void)));

    public static RouteHandlerBuilder GivesBinary(this RouteHandlerBuilder endpoint, string mediaType, string description) =>
        endpoint.WithMetadata(new ResponseNote(StatusCodes.Status200OK, mediaType, null, description));

    public static RouteHandlerBuilder GivesPrivacyHeaders(this RouteHandlerBuilder endpoint) => endpoint.WithMetadata(new PrivacyHeadersNote());

    public static T Fails<T>(this T endpoint, params string[] codes)
        where T : IEndpointConventionBuilder =>
        endpoint.WithMetadata([
            new ProblemNote(codes),
            .. codes.Select(code => ProblemTable.Of(code).Status).Distinct().Select(status => new ProducesResponseTypeMetadata(status, typeof(Problem), [ProblemWriter.MediaType])),
        ]);
}
