using System.Net;
using System.Net.Http.Headers;

namespace DpAttn.Client.Internal;

/// <summary>A success.</summary>
/// <param name="Status">Its status.</param>
/// <param name="MediaType">What its body is, or null.</param>
/// <param name="Headers">Its headers.</param>
/// <param name="Body">Its body.</param>
internal readonly record struct Reply(HttpStatusCode Status, string? MediaType, HttpResponseHeaders Headers, ArraySegment<byte> Body);
