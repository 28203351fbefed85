using System.Net;

namespace DpAttn.Client.Internal;

/// <summary>A success and its body.</summary>
internal readonly record struct Reply(HttpStatusCode Status, ArraySegment<byte> Body);
