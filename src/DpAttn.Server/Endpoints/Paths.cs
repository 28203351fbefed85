namespace DpAttn.Server.Endpoints;

/// <summary>Paths of resources, for Location headers.</summary>
internal static class Paths
{
    public static string Store(string store) => $"/v1/stores/{Uri.EscapeDataString(store)}";

    public static string Release(string store, string release) => $"{Store(store)}/releases/{Uri.EscapeDataString(release)}";

    public static string Key(string id) => $"/v1/keys/{Uri.EscapeDataString(id)}";

    /// <summary>
    /// A segment of the path as the caller meant it, counted from 0. The framework leaves an escaped slash as it is, so that a batch id with one
    /// could not be told from an id that spells out the escape.
    /// </summary>
    public static string Segment(HttpContext context, int index)
    {
        var path = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
        var end = path.IndexOf('?', StringComparison.Ordinal);
        return Uri.UnescapeDataString((end < 0 ? path : path[..end]).Split('/')[index + 1]);
    }
}
