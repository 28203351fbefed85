namespace DpAttn.Gateway;

/// <summary>
/// The names of everything that crosses a gateway. They are the wire contract between fronts and silos: a name is never given to anything else, and a changed meaning gets a new name.
/// </summary>
internal static class GatewayNames
{
    public const string FrontDoor = "dpattn.front-door";
    public const string Transfer = "dpattn.transfer";

    public const string Credential = "dpattn.credential.1";
    public const string Request = "dpattn.door-request.1";
    public const string Document = "dpattn.document.1";
    public const string Block = "dpattn.block.1";
    public const string BatchShape = "dpattn.batch-shape.1";
    public const string AppendHeader = "dpattn.append-header.1";
    public const string AttendHeader = "dpattn.attend-header.1";
    public const string AttendAnswer = "dpattn.attend-answer.1";
    public const string Problem = "dpattn.gateway-problem.1";
}
