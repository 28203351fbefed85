using DpAttn.Cluster;

namespace DpAttn.Server;

/// <summary>The settings of tokens, as the silo takes them.</summary>
internal static class JwtSettings
{
    /// <summary>Hands them to the silo, which checks tokens itself.</summary>
    public static void Apply(ServerOptions options, JwtOptions jwt) =>
        (jwt.Authority, jwt.Audience, jwt.SubjectClaim, jwt.RoleClaim, jwt.OperatorRole, jwt.OwnerRole, jwt.UserRole) =
        (options.JwtAuthority, options.JwtAudience, options.JwtSubjectClaim, options.JwtRoleClaim, options.JwtOperatorRole, options.JwtOwnerRole, options.JwtUserRole);

    /// <summary>What is wrong with them.</summary>
    public static IEnumerable<string> Check(ServerOptions options)
    {
        const string Section = ServerOptions.Section;
        if (options.JwtAuthority.Length == 0)
            yield break;
        if (!Uri.TryCreate(options.JwtAuthority, UriKind.Absolute, out var authority) || authority.Scheme != Uri.UriSchemeHttps)
            yield return $"{Section}:{nameof(options.JwtAuthority)} is '{options.JwtAuthority}'; it must be an https address: whoever can change the issuer's keys on their way can be anybody";
        if (options.JwtAudience.Length == 0)
            yield return $"{Section}:{nameof(options.JwtAuthority)} needs {Section}:{nameof(options.JwtAudience)}: tokens for other services must not be good here";
        string[] roles = [.. new[] { options.JwtOperatorRole, options.JwtOwnerRole, options.JwtUserRole }.Where(role => role.Length > 0)];
        if (roles.Length == 0 || roles.Distinct(StringComparer.Ordinal).Count() < roles.Length)
            yield return $"{Section}:{nameof(options.JwtOperatorRole)}, {nameof(options.JwtOwnerRole)} and {nameof(options.JwtUserRole)} must differ, and one of them must be stated";
    }
}
