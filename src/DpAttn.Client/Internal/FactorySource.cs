namespace DpAttn.Client.Internal;

/// <summary>A client of the factory for each attempt: the factory keeps the connections, and changes them when addresses change.</summary>
internal sealed class FactorySource(IHttpClientFactory factory, string name) : IHttpSource
{
    public HttpClient Get() => factory.CreateClient(name);

    public void Dispose()
    {
    }
}
