namespace DpAttn.Cluster;

/// <summary>Whose tokens are taken beside API keys, and what they must say. Checked by the silo itself, however a request came in.</summary>
public sealed class JwtOptions
{
    /// <summary>The OpenID Connect issuer; <c>/.well-known/openid-configuration</c> below it names its keys. https only. Empty: no tokens are taken. Default empty.</summary>
    public string Authority { get; set; } = "";

    /// <summary>Whom tokens must be for: one of the token's audiences. Default empty; needed with <see cref="Authority"/>.</summary>
    public string Audience { get; set; } = "";

    /// <summary>The claim that says who it is; with the issuer it is the account, for ever. Default <c>sub</c>.</summary>
    public string SubjectClaim { get; set; } = "sub";

    /// <summary>The claim that lists roles: texts, or one text of words. Dots lead into objects, as in <c>realm_access.roles</c>. Default <c>roles</c>.</summary>
    public string RoleClaim { get; set; } = "roles";

    /// <summary>The issuer's name of the role operator; empty: no token is an operator's. Default empty.</summary>
    public string OperatorRole { get; set; } = "";

    /// <summary>The issuer's name of the role owner; empty: no token is an owner's. Default <c>dpattn-owner</c>.</summary>
    public string OwnerRole { get; set; } = "dpattn-owner";

    /// <summary>The issuer's name of the role user; empty: no token is a user's. Default <c>dpattn-user</c>.</summary>
    public string UserRole { get; set; } = "dpattn-user";

    /// <summary>Whether tokens are taken.</summary>
    internal bool IsOn => Authority.Length > 0;
}
