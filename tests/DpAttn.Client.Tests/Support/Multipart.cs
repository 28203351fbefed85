using System.Text;

namespace DpAttn.Client.Tests;

/// <summary>The parts of a multipart/form-data body.</summary>
internal sealed record Multipart(string Name, string ContentType, byte[] Body)
{
    public static IReadOnlyList<Multipart> Parse(SentRequest sent)
    {
        var marker = "boundary=";
        Assert.StartsWith("multipart/form-data; ", sent.ContentType);
        var boundary = sent.ContentType![(sent.ContentType!.IndexOf(marker, StringComparison.Ordinal) + marker.Length)..].Trim('"');
        var text = Encoding.Latin1.GetString(sent.Body);
        var parts = text.Split("--" + boundary);
        Assert.Equal("--\r\n", parts[^1]);
        return [.. parts[1..^1].Select(Part)];
    }

    private static Multipart Part(string text)
    {
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        var headers = text[..end].Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        var name = headers["Content-Disposition"].Split("; ").Single(piece => piece.StartsWith("name=", StringComparison.Ordinal))["name=".Length..].Trim('"');
        return new Multipart(name, headers["Content-Type"], Encoding.Latin1.GetBytes(text[(end + 4)..^2]));
    }
}
