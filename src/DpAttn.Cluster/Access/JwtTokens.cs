using System.Buffers.Text;
using System.Text.Json;
using DpAttn.Contracts;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace DpAttn.Cluster;

/// <summary>Who a token says that somebody is.</summary>
/// <param name="Issuer">Who says so.</param>
/// <param name="Subject">Who it is, to that issuer.</param>
/// <param name="Role">One of <see cref="Roles"/>.</param>
internal sealed record JwtIdentity(string Issuer, string Subject, string Role)
{
    public override string ToString() => nameof(JwtIdentity);
}

/// <summary>
/// Checks the tokens of one OpenID Connect issuer (RFC 7519, RFC 8725): signed with an asymmetric key that the issuer publishes, for this audience, with an end. Its keys are cached; an
/// unknown one has them looked up anew, at most once a minute, and they are every 5 minutes.
/// </summary>
internal sealed class JwtTokens
{
    /// <summary>How far the issuer's clock may be off.</summary>
    public static readonly TimeSpan Skew = TimeSpan.FromSeconds(30);

    private const int Parts = 3;
    private static readonly TimeSpan LongestLookup = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestTrust = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan ShortestRefresh = TimeSpan.FromMinutes(1);

    // No symmetric one: a public key that is taken for a shared secret would sign anything.
    private static readonly string[] Algorithms =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512, SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384,
        SecurityAlgorithms.RsaSsaPssSha512, SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
    ];

    private static readonly string[] Types = ["JWT", "at+jwt", "application/at+jwt"];

    private readonly JsonWebTokenHandler _handler = new();
    private readonly ConfigurationManager<OpenIdConnectConfiguration> _issuer;
    private readonly JwtOptions _options;
    private readonly TimeProvider _clock;

    /// <param name="options">What tokens must say.</param>
    /// <param name="clock">The time.</param>
    /// <param name="documents">Fetches the issuer's documents; null: over https.</param>
    public JwtTokens(JwtOptions options, TimeProvider clock, IDocumentRetriever? documents = null)
    {
        (_options, _clock) = (options, clock);
        _issuer = new ConfigurationManager<OpenIdConnectConfiguration>(
            options.Authority.TrimEnd('/') + "/.well-known/openid-configuration",
            new OpenIdConnectConfigurationRetriever(),
            documents ?? new HttpDocumentRetriever(new HttpClient { Timeout = LongestLookup }) { RequireHttps = true })
        {
            RefreshInterval = ShortestRefresh,
            AutomaticRefreshInterval = LongestTrust,
            // The keys before the last ones: an issuer that takes a key back means it.
            UseLastKnownGoodConfiguration = false,
        };
    }

    /// <summary>Whether a credential has the form of a token.</summary>
    public static bool LooksLike(string credential) => credential.Count('.') == Parts - 1;

    /// <summary>The issuer's own name.</summary>
    /// <exception cref="ProblemException">shard_unavailable: its documents cannot be read.</exception>
    public async Task<string> IssuerAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await _issuer.GetConfigurationAsync(cancellationToken)).Issuer;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ProblemException(ProblemCodes.ShardUnavailable, "the issuer of tokens cannot be asked for its keys; try again, or use an API key", e);
        }
    }

    /// <summary>Who a token is of.</summary>
    /// <exception cref="ProblemException">unauthenticated: not a valid token of this issuer for this audience. forbidden: it has no role here, or several. shard_unavailable: the issuer's keys cannot be read.</exception>
    public async Task<JwtIdentity> ReadAsync(string token, CancellationToken cancellationToken)
    {
        var issuer = await IssuerAsync(cancellationToken);
        var result = await _handler.ValidateTokenAsync(token, new TokenValidationParameters
        {
            ConfigurationManager = _issuer,
            ValidIssuer = issuer,
            ValidAudience = _options.Audience,
            ValidAlgorithms = Algorithms,
            RequireSignedTokens = true,
            RequireExpirationTime = true,
            LifetimeValidator = IsNow,
            TypeValidator = TypeOf,
        });
        if (!result.IsValid)
            throw new ProblemException(ProblemCodes.Unauthenticated, WhyNot(result.Exception));
        using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(((JsonWebToken)result.SecurityToken).EncodedPayload));
        if (Find(claims.RootElement, _options.SubjectClaim) is not { ValueKind: JsonValueKind.String } subject || !CredentialDirectory.IsSubject(subject.GetString()!))
            throw new ProblemException(ProblemCodes.Unauthenticated, $"the token's claim {_options.SubjectClaim} names no subject");
        return new JwtIdentity(issuer, subject.GetString()!, RoleOf(claims.RootElement));
    }

    private string RoleOf(JsonElement claims)
    {
        var words = Find(claims, _options.RoleClaim) switch
        {
            { ValueKind: JsonValueKind.String } text => text.GetString()!.Split(' '),
            { ValueKind: JsonValueKind.Array } list => [.. list.EnumerateArray().Where(word => word.ValueKind == JsonValueKind.String).Select(word => word.GetString()!)],
            _ => [],
        };
        (string Name, string Role)[] known = [(_options.OperatorRole, Roles.Operator), (_options.OwnerRole, Roles.Owner), (_options.UserRole, Roles.User)];
        string[] roles = [.. known.Where(role => role.Name.Length > 0 && words.Contains(role.Name, StringComparer.Ordinal)).Select(role => role.Role)];
        return roles.Length == 1 ? roles[0] : throw new ProblemException(
            ProblemCodes.Forbidden,
            roles.Length == 0 ? $"the token's claim {_options.RoleClaim} has no role of this cluster" : $"the token's claim {_options.RoleClaim} has several roles of this cluster; it needs exactly one");
    }

    /// <summary>A claim by its name, or by a path of names.</summary>
    private static JsonElement? Find(JsonElement claims, string name)
    {
        if (claims.TryGetProperty(name, out var found))
            return found;
        var at = claims;
        foreach (var step in name.Split('.'))
        {
            if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(step, out at))
                return null;
        }
        return at;
    }

    private bool IsNow(DateTime? notBefore, DateTime? expires, SecurityToken token, TokenValidationParameters parameters)
    {
        var now = _clock.GetUtcNow().UtcDateTime;
        if (expires is null || now >= expires + Skew)
            throw new SecurityTokenExpiredException();
        return notBefore is null || now >= notBefore - Skew ? true : throw new SecurityTokenNotYetValidException();
    }

    // Tokens for other purposes, as of logging out, are signed with the same keys.
    private static string TypeOf(string? type, SecurityToken token, TokenValidationParameters parameters) =>
        type is null || Types.Contains(type, StringComparer.OrdinalIgnoreCase) ? type ?? "" : throw new SecurityTokenInvalidTypeException();

    private static string WhyNot(Exception failure) => failure switch
    {
        SecurityTokenExpiredException or SecurityTokenNoExpirationException => "the token has expired, or has no end",
        SecurityTokenNotYetValidException => "the token is not valid yet",
        SecurityTokenInvalidAudienceException => "the token is for another audience",
        SecurityTokenInvalidIssuerException => "the token is of another issuer",
        _ => "this is no valid token of the issuer of this cluster",
    };
}
