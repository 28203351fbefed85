namespace DpAttn.Server.Endpoints;

/// <summary>The routes of one resource.</summary>
internal interface IEndpoints
{
    /// <summary>Adds them.</summary>
    void Map(IEndpointRouteBuilder routes);
}
