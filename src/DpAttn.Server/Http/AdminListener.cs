namespace DpAttn.Server.Http;

/// <summary>A feature of connections that came in by the admin listener.</summary>
internal sealed class AdminListener
{
    public static AdminListener Instance { get; } = new();
}
