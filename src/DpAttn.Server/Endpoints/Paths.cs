using Microsoft.AspNetCore.Http.Features;

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
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        var end = target.IndexOf('?', StringComparison.Ordinal);
        var path = end < 0 ? target : target[..end];
        // A proxy may send the absolute form, http://host/path.
        if (!path.StartsWith('/'))
            path = path[Math.Max(path.IndexOf('/', path.IndexOf("//", StringComparison.Ordinal) + 2), 0)..];
        // Servers for tests may not keep what was sent.
        var segments = (path.Length > 1 ? path : context.Request.Path.Value!).Split('/');
        return Uri.UnescapeDataString(segments[index + 1]);
    }
}
