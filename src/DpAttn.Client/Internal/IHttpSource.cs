namespace DpAttn.Client.Internal;

/// <summary>Gives the HttpClient of one attempt.</summary>
internal interface IHttpSource : IDisposable
{
    HttpClient Get();
}
