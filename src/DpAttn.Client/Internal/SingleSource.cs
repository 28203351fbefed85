namespace DpAttn.Client.Internal;

/// <summary>One client for all attempts.</summary>
internal sealed class SingleSource(HttpClient http, bool ownsClient) : IHttpSource
{
    public HttpClient Get() => http;

    public void Dispose()
    {
        if (ownsClient)
            http.Dispose();
    }
}
