using DpAttn.Cluster;
using DpAttn.Server.Http;

namespace DpAttn.Server.Rows;

/// <summary>Reads a batch of rows from any of the bodies that it may come in.</summary>
internal sealed class RowBodyReader(ServerOptions options)
{
    public static IReadOnlyList<string> MediaTypes { get; } = [RequestBody.Multipart, RequestBody.Npz, RequestBody.Zip, RequestBody.JsonLines];

    /// <summary>Reads the whole body.</summary>
    /// <param name="context">The request.</param>
    /// <param name="dimensions">Asks for the store's d and dv, where a body of null slots alone does not tell.</param>
    public async Task<RowBatch> ReadAsync(HttpContext context, Func<Task<(int Keys, int Values)>> dimensions)
    {
        RequestBody.RequireLength(context, options.MaxBodyBytes);
        if (RequestBody.Is(context, RequestBody.Multipart))
            return (await MultipartRows.ReadAsync(context, options.MaxBodyBytes)).ToBatch("multipart body");
        if (RequestBody.Is(context, RequestBody.Npz) || RequestBody.Is(context, RequestBody.Zip))
        {
            using var body = await BufferedBody.CopyAsync(context.Request.Body, options.MaxBodyBytes, context.RequestAborted);
            return ZipRows.Read(body, options.MaxBodyBytes).ToBatch(".npz body");
        }
        if (RequestBody.Is(context, RequestBody.JsonLines))
            return await JsonLineRows.ReadAsync(context, options, dimensions);
        throw StatusException.UnsupportedMediaType(MediaTypes);
    }
}
