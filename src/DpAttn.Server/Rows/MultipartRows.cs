using DpAttn.Server.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace DpAttn.Server.Rows;

/// <summary>Rows in the parts of a multipart/form-data body, each a .npy file.</summary>
internal static class MultipartRows
{
    private const int LongestBoundary = 200;

    public static async Task<RowArrays> ReadAsync(HttpContext context, long cap)
    {
        if (!MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var type)
            || HeaderUtilities.RemoveQuotes(type.Boundary) is not { Length: > 0 and <= LongestBoundary } boundary)
        {
            throw RequestParameters.Refuse($"multipart body: Content-Type states no boundary of 1 to {LongestBoundary} characters");
        }
        var arrays = new RowArrays(cap);
        var left = cap;
        try
        {
            var reader = new MultipartReader(boundary.Value!, context.Request.Body) { HeadersCountLimit = 8, HeadersLengthLimit = 4096, BodyLengthLimit = null };
            while (await reader.ReadNextSectionAsync(context.RequestAborted) is { } section)
            {
                var name = ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var disposition)
                    ? HeaderUtilities.RemoveQuotes(disposition.Name).Value ?? ""
                    : "";
                using var content = await BufferedBody.CopyAsync(section.Body, left, context.RequestAborted);
                left -= content.Length;
                arrays.Read(name, $"part '{JsonFault.Printable(name)}'", content);
            }
            return arrays;
        }
        catch (Exception e) when (e is InvalidDataException || (e is IOException && e is not BadHttpRequestException))
        {
            throw RequestParameters.Refuse("multipart body: it does not end with its boundary, or a part's headers are too long");
        }
    }
}
