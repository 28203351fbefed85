using System.Text.Json;
using System.Text.Json.Nodes;

namespace DpAttn.Cluster;

/// <summary>
/// While a cluster changes its version, old and new silos write the same rows: what a newer one added to a document must outlive a change by an older one, which does not know it.
/// Not for writes that erase (<see cref="Documents.Replace{T}"/>).
/// </summary>
internal static class NewerMembers
{
    /// <summary>A document with the members that the version which reads it does not know.</summary>
    /// <param name="stored">As it was read.</param>
    /// <param name="understood">What this version makes of it: what is missing here it does not know.</param>
    /// <param name="next">What this version writes in its place.</param>
    public static ReadOnlyMemory<byte> Keep(ReadOnlyMemory<byte> stored, ReadOnlyMemory<byte> understood, ReadOnlyMemory<byte> next)
    {
        if (stored.Span.SequenceEqual(understood.Span))
            return next;
        var document = JsonNode.Parse(next.Span);
        Keep(JsonNode.Parse(stored.Span), JsonNode.Parse(understood.Span), document);
        return JsonSerializer.SerializeToUtf8Bytes(document);
    }

    private static void Keep(JsonNode? stored, JsonNode? understood, JsonNode? next)
    {
        switch (stored, understood, next)
        {
            case (JsonObject from, JsonObject known, JsonObject to):
                foreach (var (name, value) in from)
                {
                    if (known.ContainsKey(name))
                        Keep(value, known[name], to[name]);
                    else
                        to.TryAdd(name, value?.DeepClone());
                }
                break;
            case (JsonArray from, JsonArray known, JsonArray to) when from.Count == known.Count:
                Keep(from, known, to);
                break;
        }
    }

    /// <summary>Elements have no names: one that is still what it was, wherever it stands now, keeps what belonged to it.</summary>
    private static void Keep(JsonArray stored, JsonArray understood, JsonArray next)
    {
        // What stands where it stood comes first, so that of equal ones none takes another's.
        var free = new HashSet<int>(Enumerable.Range(0, understood.Count));
        var moved = new List<JsonNode?>();
        for (var i = 0; i < next.Count; i++)
        {
            if (i < understood.Count && JsonNode.DeepEquals(understood[i], next[i]))
                Take(i, next[i]);
            else
                moved.Add(next[i]);
        }
        foreach (var element in moved)
        {
            if (free.Order().Cast<int?>().FirstOrDefault(i => JsonNode.DeepEquals(understood[i!.Value], element)) is { } found)
                Take(found, element);
        }

        void Take(int i, JsonNode? element)
        {
            free.Remove(i);
            Keep(stored[i], understood[i], element);
        }
    }
}
