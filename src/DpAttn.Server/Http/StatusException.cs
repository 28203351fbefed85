namespace DpAttn.Server.Http;

/// <summary>A refusal by HTTP itself, such as of a media type, whose status is not that of its code.</summary>
internal sealed class StatusException(int status, string detail) : Exception(detail)
{
    public int Status => status;

    public string Code => ProblemTable.CodeOf(status);

    public static StatusException UnsupportedMediaType(IEnumerable<string> supported) =>
        new(StatusCodes.Status415UnsupportedMediaType, $"Content-Type must be {string.Join(" or ", supported)}");

    public static StatusException NotAcceptable(IEnumerable<string> supported) =>
        new(StatusCodes.Status406NotAcceptable, $"Accept must admit {string.Join(" or ", supported)}");
}
