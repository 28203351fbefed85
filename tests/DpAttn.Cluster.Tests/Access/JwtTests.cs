using System.Security.Cryptography;
using System.Text;
using DpAttn.Contracts;
using Microsoft.IdentityModel.Tokens;

namespace DpAttn.Cluster.Tests.Access;

/// <summary>Tokens of an OpenID Connect issuer beside API keys: who is let in, as whom, and who is not.</summary>
public sealed class JwtTests : IAsyncDisposable
{
    private readonly ManualClock _clock = new();
    private readonly TestIssuer _issuer = new();
    private readonly Bench _bench;
    private readonly CredentialDirectory _here;

    public JwtTests()
    {
        _bench = new Bench(_clock);
        _here = NewSilo();
    }

    private DateTimeOffset Now => _clock.GetUtcNow();

    public ValueTask DisposeAsync()
    {
        _issuer.Dispose();
        return _bench.DisposeAsync();
    }

    [Fact]
    public async Task All_tokens_of_a_subject_are_one_account_on_every_silo()
    {
        var first = await _here.AuthenticateAsync(_issuer.Token(Now), default);
        Assert.Equal(Roles.User, first.Role);
        Assert.Equal(first, await _here.AuthenticateAsync(_issuer.Token(Now, with: new SigningCredentials(_issuer.Ec, SecurityAlgorithms.EcdsaSha256)), default));
        Assert.Equal(first, await NewSilo().AuthenticateAsync(_issuer.Token(Now, to: TimeSpan.FromHours(1)), default));
        Assert.NotEqual(first.Account, (await _here.AuthenticateAsync(_issuer.Token(Now, subject: "bob"), default)).Account);
    }

    [Fact]
    public async Task Of_many_first_tokens_at_once_one_makes_the_account()
    {
        var silos = Enumerable.Range(0, 4).Select(_ => NewSilo()).ToList();
        var principals = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => Task.Run(() => silos[i % 4].AuthenticateAsync(_issuer.Token(Now, subject: "racer"), default))));
        Assert.Single(principals.Select(principal => principal.Account).Distinct());
        var made = (await _bench.Storage.Catalog.ListAuditAsync(0, 100)).Where(row => row.Event.Action == "account.create");
        Assert.Equal(principals[0].Account.Value, Assert.Single(made).Event.Target);
    }

    [Fact]
    public async Task A_token_is_no_key_of_the_same_name()
    {
        var @operator = await _here.AuthenticateAsync((await _here.RecoverAsync(default)).Reveal(), default);
        var key = await _here.CreateAsync(@operator, new KeyRequest("ada", Roles.User), default);
        var token = await _here.AuthenticateAsync(_issuer.Token(Now), default);
        Assert.NotEqual(key.Account, token.Account.Value);
        // Not even of an issuer that calls itself like one of ours.
        Assert.NotEqual(@operator.Account, (await _here.AuthenticateAsync(_issuer.Token(Now, subject: "operator"), default)).Account);
    }

    [Fact]
    public async Task An_owner_finds_the_account_of_a_subject_before_its_first_token_and_the_token_has_it()
    {
        var owner = await _here.AuthenticateAsync(_issuer.Token(Now, subject: "grace", roles: "dpattn-owner"), default);
        Assert.Equal(Roles.Owner, owner.Role);
        var found = await _here.FindAccountAsync(owner, new AccountLookup("ada", TestIssuer.Authority), default);
        Assert.Equal(found, (await _here.AuthenticateAsync(_issuer.Token(Now), default)).Account);
        var other = await Assert.ThrowsAsync<ProblemException>(() => _here.FindAccountAsync(owner, new AccountLookup("ada", "https://elsewhere.example.org"), default));
        Assert.Equal(ProblemCodes.InvalidRequest, other.Code);
        var key = await Assert.ThrowsAsync<ProblemException>(() => _here.FindAccountAsync(owner, new AccountLookup("ada"), default));
        Assert.Equal(ProblemCodes.NotFound, key.Code);
    }

    [Fact]
    public async Task A_token_out_of_its_time_is_refused_but_for_the_skew_of_clocks()
    {
        var ended = TimeSpan.FromMinutes(-5);
        await RefusedAsync(_issuer.Token(Now, from: ended, to: -JwtTokens.Skew), "the token has expired, or has no end");
        await _here.AuthenticateAsync(_issuer.Token(Now, from: ended, to: -JwtTokens.Skew + TimeSpan.FromSeconds(1)), default);
        await RefusedAsync(_issuer.Token(Now, from: JwtTokens.Skew + TimeSpan.FromSeconds(1)), "the token is not valid yet");
        await _here.AuthenticateAsync(_issuer.Token(Now, from: JwtTokens.Skew), default);
        await RefusedAsync(_issuer.Token(Now, hasEnd: false), "the token has expired, or has no end");
        // A cached account does not keep a token alive.
        var token = _issuer.Token(Now);
        await _here.AuthenticateAsync(token, default);
        _clock.Advance(TimeSpan.FromMinutes(6));
        await RefusedAsync(token, "the token has expired, or has no end");
    }

    [Fact]
    public async Task A_token_for_others_or_of_others_is_refused()
    {
        await RefusedAsync(_issuer.Token(Now, audience: "another-service"), "the token is for another audience");
        await RefusedAsync(_issuer.Token(Now, audience: null), "the token is for another audience");
        await RefusedAsync(_issuer.Token(Now, issuer: "https://issuer.example.org"), "the token is of another issuer");
        await RefusedAsync(_issuer.Token(Now, issuer: null), "the token is of another issuer");
        await RefusedAsync(_issuer.Token(Now, type: "logout+jwt"));
        await RefusedAsync(_issuer.Token(Now, subject: ""), "the token's claim sub names no subject");
        await RefusedAsync(_issuer.Token(Now, subject: new string('x', 257)), "the token's claim sub names no subject");
    }

    [Fact]
    public async Task A_token_that_its_issuer_did_not_sign_is_refused()
    {
        var good = _issuer.Token(Now);
        var parts = good.Split('.');
        var payload = Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(parts[1]));
        using var foreign = RSA.Create(2048);
        // Another key, under its own name and under the issuer's.
        await RefusedAsync(_issuer.Token(Now, with: new SigningCredentials(new RsaSecurityKey(foreign) { KeyId = "other" }, SecurityAlgorithms.RsaSha256)));
        await RefusedAsync(_issuer.Token(Now, with: new SigningCredentials(new RsaSecurityKey(foreign) { KeyId = "rsa-1" }, SecurityAlgorithms.RsaSha256)));
        // No signature, and one left over.
        foreach (var none in (string[])["none", "None", "NONE", ""])
        {
            await RefusedAsync(TestIssuer.Unsigned($"{{\"alg\":\"{none}\",\"typ\":\"JWT\"}}", payload));
            await RefusedAsync(TestIssuer.Unsigned($"{{\"alg\":\"{none}\",\"typ\":\"JWT\",\"kid\":\"rsa-1\"}}", payload, parts[2]));
        }
        await RefusedAsync($"{parts[0]}.{parts[1]}.");
        // Claims changed under the signature, and a signature changed.
        await RefusedAsync($"{parts[0]}.{TestIssuer.Encode(payload.Replace("\"ada\"", "\"bob\"", StringComparison.Ordinal))}.{parts[2]}");
        await RefusedAsync($"{parts[0]}.{parts[1]}.{(parts[2][0] == 'A' ? 'B' : 'A')}{parts[2][1..]}");
        await RefusedAsync($"{parts[0]}.{parts[1]}.{_issuer.Token(Now, subject: "bob").Split('.')[2]}");
        // The public key as a shared secret (RFC 8725, section 2.1), in its two usual forms.
        foreach (var secret in (byte[][])[_issuer.PublicPem, _issuer.Rsa.Rsa.ExportSubjectPublicKeyInfo()])
        {
            foreach (var kid in (string?[])["rsa-1", null])
            {
                var token = _issuer.Token(Now, with: new SigningCredentials(new SymmetricSecurityKey(secret) { KeyId = kid }, SecurityAlgorithms.HmacSha256));
                Assert.Contains("HS256", Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[0])));
                await RefusedAsync(token);
            }
        }
        // A key that the token brings along.
        var jwk = $"{{\"kty\":\"RSA\",\"n\":\"{Base64UrlEncoder.Encode(foreign.ExportParameters(false).Modulus)}\",\"e\":\"AQAB\"}}";
        var unsigned = $"{TestIssuer.Encode($"{{\"alg\":\"RS256\",\"typ\":\"JWT\",\"jwk\":{jwk}}}")}.{parts[1]}";
        await RefusedAsync($"{unsigned}.{System.Buffers.Text.Base64Url.EncodeToString(foreign.SignData(Encoding.ASCII.GetBytes(unsigned), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}");
        Assert.Equal(Roles.User, (await _here.AuthenticateAsync(good, default)).Role);
    }

    [Theory]
    [InlineData("..")]
    [InlineData("a.b.c")]
    [InlineData("eyJhbGciOiJSUzI1NiJ9.e30.")]
    [InlineData("e30.e30.e30")]
    [InlineData("bnVsbA.bnVsbA.bnVsbA")]
    [InlineData("eyJhbGciOiJSUzI1NiJ9.W10.c2ln")]
    public Task What_only_looks_like_a_token_is_refused(string credential) => RefusedAsync(credential);

    [Fact]
    public async Task A_token_needs_exactly_one_role_of_this_cluster()
    {
        foreach (var roles in (object[])["", "admin", "dpattn-users", "DPATTN-USER", new[] { "admin", "operator" }, new[] { "dpattn-user", "dpattn-owner" }, "dpattn-owner dpattn-user", 7, new { role = "dpattn-user" }])
        {
            var refused = await Assert.ThrowsAsync<ProblemException>(() => _here.AuthenticateAsync(_issuer.Token(Now, roles: roles), default));
            Assert.Equal(ProblemCodes.Forbidden, refused.Code);
            Assert.Contains("roles", refused.Message);
        }
        Assert.Equal(Roles.User, (await _here.AuthenticateAsync(_issuer.Token(Now, roles: "openid dpattn-user profile"), default)).Role);
        // No name of the role operator was stated, so an empty one names nobody.
        Assert.Equal(Roles.Owner, (await _here.AuthenticateAsync(_issuer.Token(Now, roles: new[] { "", "dpattn-owner" }), default)).Role);
    }

    [Fact]
    public async Task Claims_and_roles_have_the_names_that_are_set()
    {
        var silo = NewSilo(new JwtOptions
        {
            Authority = TestIssuer.Authority,
            Audience = TestIssuer.Audience,
            SubjectClaim = "https://example.org/employee",
            RoleClaim = "realm_access.roles",
            OperatorRole = "dp admin",
            OwnerRole = "",
            UserRole = "analyst",
        });
        var end = (Now + TimeSpan.FromMinutes(1)).ToUnixTimeSeconds();
        string Claims(string role) => $"{{\"iss\":\"{TestIssuer.Authority}\",\"aud\":[\"x\",\"{TestIssuer.Audience}\"],\"exp\":{end},\"sub\":\"y\",\"https://example.org/employee\":\"e7\",\"realm_access\":{{\"roles\":[\"{role}\"]}}}}";
        var user = await silo.AuthenticateAsync(_issuer.Token(Now, claims: Claims("analyst")), default);
        var @operator = await silo.AuthenticateAsync(_issuer.Token(Now, claims: Claims("dp admin")), default);
        Assert.Equal((Roles.User, Roles.Operator, user.Account), (user.Role, @operator.Role, @operator.Account));
        await Assert.ThrowsAsync<ProblemException>(() => silo.AuthenticateAsync(_issuer.Token(Now, claims: Claims("dpattn-owner")), default));
        await Assert.ThrowsAsync<ProblemException>(() => silo.AuthenticateAsync(_issuer.Token(Now, roles: "analyst"), default));
    }

    [Fact]
    public async Task The_issuers_keys_are_read_once_and_outlive_it()
    {
        await _here.AuthenticateAsync(_issuer.Token(Now), default);
        var reads = _issuer.Reads;
        _issuer.IsDown = true;
        for (var i = 0; i < 20; i++)
            await _here.AuthenticateAsync(_issuer.Token(Now, subject: $"user {i}"), default);
        Assert.Equal(reads, _issuer.Reads);
        // A silo that never had them says that it cannot tell, not that the token is bad; keys work meanwhile.
        var cold = NewSilo();
        var refused = await Assert.ThrowsAsync<ProblemException>(() => cold.AuthenticateAsync(_issuer.Token(Now), default));
        Assert.Equal(ProblemCodes.ShardUnavailable, refused.Code);
        Assert.Equal(Roles.Operator, (await cold.AuthenticateAsync((await cold.RecoverAsync(default)).Reveal(), default)).Role);
        _issuer.IsDown = false;
        Assert.Equal(Roles.User, (await cold.AuthenticateAsync(_issuer.Token(Now), default)).Role);
    }

    [Fact]
    public async Task Keys_that_the_issuer_changes_are_learned_and_the_old_ones_forgotten()
    {
        var old = _issuer.Token(Now);
        await _here.AuthenticateAsync(old, default);
        _issuer.Rotate();
        // The lookup is made beside the request that found the need for it.
        for (var i = 0; i < 100 && !await IsGoodAsync(_issuer.Token(Now)); i++)
            await Task.Delay(50);
        Assert.True(await IsGoodAsync(_issuer.Token(Now)));
        Assert.False(await IsGoodAsync(old));

        // Tokens of keys that do not exist have it looked up no more often for it.
        using var foreign = RSA.Create(2048);
        var reads = _issuer.Reads;
        for (var i = 0; i < 20; i++)
            await RefusedAsync(_issuer.Token(Now, with: new SigningCredentials(new RsaSecurityKey(foreign) { KeyId = $"k{i}" }, SecurityAlgorithms.RsaSha256)));
        await Task.Delay(100);
        Assert.Equal(reads, _issuer.Reads);
    }

    [Fact]
    public async Task Without_an_issuer_no_token_is_taken()
    {
        var silo = NewSilo(new JwtOptions());
        var refused = await Assert.ThrowsAsync<ProblemException>(() => silo.AuthenticateAsync(_issuer.Token(Now), default));
        Assert.Equal((ProblemCodes.Unauthenticated, "this is not an API key"), (refused.Code, refused.Message));
        Assert.Equal(0, _issuer.Reads);
    }

    private async Task<bool> IsGoodAsync(string token)
    {
        try
        {
            await _here.AuthenticateAsync(token, default);
            return true;
        }
        catch (ProblemException e) when (e.Code == ProblemCodes.Unauthenticated)
        {
            return false;
        }
    }

    private CredentialDirectory NewSilo(JwtOptions? options = null)
    {
        options ??= new JwtOptions { Authority = TestIssuer.Authority, Audience = TestIssuer.Audience };
        var catalog = _bench.Storage.Catalog;
        return new CredentialDirectory(
            catalog, new IndexKey(catalog, _bench.Protector), new Generation(catalog, _clock), _clock, options.IsOn ? new JwtTokens(options, _clock, _issuer) : null);
    }

    private async Task RefusedAsync(string token, string? message = null)
    {
        var refused = await Assert.ThrowsAsync<ProblemException>(() => _here.AuthenticateAsync(token, default));
        Assert.Equal(ProblemCodes.Unauthenticated, refused.Code);
        Assert.Equal(message ?? "this is no valid token of the issuer of this cluster", refused.Message);
    }
}
