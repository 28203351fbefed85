using System.Security.Cryptography;
using DpAttn.Contracts;
using DpAttn.Privacy;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// Keys and the accounts behind them. An account is a random id, allocated once per (issuer, subject) and found by a keyed hash of the two; the issuer is whoever
/// vouches for the subject: the operator, one owner, or the OpenID Connect issuer of a token. So one owner cannot make itself a key of a user of another owner.
/// </summary>
internal sealed class CredentialDirectory(ICatalog catalog, IndexKey indexKey, Generation generation, TimeProvider clock, JwtTokens? tokens = null)
{
    private const string OperatorIssuer = "operator";
    private const string OperatorSubject = "operator";
    private const string IssuedPrefix = "tokens of ";
    private const string BootstrapActor = "bootstrap";
    private const int LongestSubject = 256;

    // An unknown key is compared with this, so that finding none takes as long.
    private static readonly string NoHash = ApiKey.Create().Hash();
    private readonly EpochCache<string, KeyDocument> _keys = new(generation);
    private readonly EpochCache<string, AccountDocument> _issued = new(generation);

    /// <summary>Who a credential belongs to.</summary>
    /// <exception cref="ProblemException">unauthenticated: unknown, wrong and revoked keys are told the same. forbidden: a token without a role here.</exception>
    public async Task<Principal> AuthenticateAsync(string? credential, CancellationToken cancellationToken)
    {
        var key = ApiKey.TryParse(credential);
        if (key is null)
        {
            return tokens is not null && credential is not null && JwtTokens.LooksLike(credential)
                ? await PrincipalOfAsync(await tokens.ReadAsync(credential, cancellationToken), cancellationToken)
                : throw Unauthenticated(credential is null ? "a credential is needed: Authorization: Bearer KEY" : "this is not an API key");
        }
        var document = await _keys.GetAsync(key.Id, async id => (await catalog.ReadAsync(Documents.Key, id, cancellationToken))?.Value);
        var matches = key.Matches(document?.Hash ?? NoHash);
        return matches && document is { Revoked: null }
            ? new Principal(new AccountId(document.Account), document.Role)
            : throw Unauthenticated("this key is unknown, wrong or revoked");
    }

    /// <summary>Makes the first operator key, if no operator has a key that works.</summary>
    /// <returns>The key, or null when there is one already; of several silos that start at once, one makes it.</returns>
    public async Task<ApiKey?> BootstrapAsync(CancellationToken cancellationToken)
    {
        var account = await AccountOfAsync(OperatorIssuer, OperatorSubject, cancellationToken);
        return await catalog.CommitAsync<ApiKey?>(
            async () =>
            {
                // Read before the keys are looked at: whoever was first since then has moved it.
                var mark = await catalog.ReadAsync(Documents.Bootstrap, OperatorSubject, cancellationToken);
                await foreach (var known in catalog.ListAsync(Documents.Key, "", cancellationToken))
                {
                    if (known.Value is { Role: Roles.Operator, Revoked: null })
                        return (null, null);
                }
                var (commit, key, _) = Prepare(account, Roles.Operator, BootstrapActor);
                var marked = new AccountDocument(account.Value, clock.GetUtcNow());
                var write = mark is null ? Documents.Bootstrap.Insert(OperatorSubject, marked) : Documents.Bootstrap.Update(mark, marked);
                return (commit with { Writes = [.. commit.Writes, write] }, key);
            },
            () => new ProblemException(ProblemCodes.Busy, "the first operator key is being made by others"),
            cancellationToken);
    }

    /// <summary>Makes an operator key without a credential: for the machine itself, when the old one is lost.</summary>
    public async Task<ApiKey> RecoverAsync(CancellationToken cancellationToken)
    {
        var account = await AccountOfAsync(OperatorIssuer, OperatorSubject, cancellationToken);
        return (await StoreAsync(account, Roles.Operator, BootstrapActor, cancellationToken)).Key;
    }

    /// <summary>Makes a key: operators any, owners those of users.</summary>
    public async Task<KeyCreated> CreateAsync(Principal caller, KeyRequest request, CancellationToken cancellationToken)
    {
        if (!Roles.All.Contains(request.Role))
            throw new ProblemException(ProblemCodes.InvalidRequest, $"role must be one of {string.Join(", ", Roles.All)}");
        var allowed = caller.Role == Roles.Operator || caller.Role == Roles.Owner && request.Role == Roles.User;
        if (!allowed)
            throw new ProblemException(ProblemCodes.Forbidden, $"a key of role {caller.Role} makes no keys of role {request.Role}");
        RequireSubject(request.Subject);
        var account = await AccountOfAsync(IssuerOf(caller), request.Subject, cancellationToken);
        var (key, document) = await StoreAsync(account, request.Role, caller.Account.Value, cancellationToken);
        return new KeyCreated(key.Id, key.Reveal(), document.Account, document.Role);
    }

    /// <summary>Keys that the caller may revoke: all for operators, those that it made for owners.</summary>
    public async Task<KeyList> ListAsync(Principal caller, CancellationToken cancellationToken)
    {
        RequireKeyMaker(caller);
        var keys = new List<KeyDescription>();
        await foreach (var key in catalog.ListAsync(Documents.Key, "", cancellationToken))
        {
            if (MayRevoke(caller, key.Value))
                keys.Add(new KeyDescription(key.Value.Id, key.Value.Account, key.Value.Role, key.Value.Created, key.Value.Revoked));
        }
        return new KeyList(keys);
    }

    /// <summary>Revokes a key for ever.</summary>
    public async Task RevokeAsync(Principal caller, string id, CancellationToken cancellationToken)
    {
        RequireKeyMaker(caller);
        await catalog.CommitAsync(
            async () =>
            {
                var key = ApiKey.IsId(id) ? await catalog.ReadAsync(Documents.Key, id, cancellationToken) : null;
                if (key is null || !MayRevoke(caller, key.Value))
                    throw new ProblemException(ProblemCodes.NotFound, "no key of this id that you may revoke");
                if (key.Value.Revoked is not null)
                    return (null, true);
                var commit = new CatalogCommit
                {
                    Writes = [Documents.Key.Update(key, key.Value with { Revoked = clock.GetUtcNow() }), await generation.RaiseAsync(cancellationToken)],
                    Audit = [new AuditEvent("key.revoke", caller.Account.Value, null, id, key.Value.Role)],
                };
                return (commit, true);
            },
            () => new ProblemException(ProblemCodes.Busy, "the key is being changed by others; try again"),
            cancellationToken);
        generation.Drop();
    }

    /// <summary>The account of a subject that the caller, or the operator, vouches for.</summary>
    /// <exception cref="ProblemException">not_found: nobody made a key for it.</exception>
    public async Task<AccountId> FindAccountAsync(Principal caller, AccountLookup request, CancellationToken cancellationToken)
    {
        var subject = request.Subject;
        RequireSubject(subject);
        if (request.Issuer is { } named)
        {
            // Made here where the subject has not come yet: so a grant need not wait for its first token.
            return tokens is not null && named == await tokens.IssuerAsync(cancellationToken)
                ? await IssuedAccountAsync(named, subject, cancellationToken)
                : throw new ProblemException(ProblemCodes.InvalidRequest, "issuer must be the one whose tokens this cluster takes, as its tokens call it");
        }
        foreach (var issuer in new[] { IssuerOf(caller), OperatorIssuer })
        {
            if (await catalog.ReadAsync(Documents.AccountIndex, await indexKey.OfSubjectAsync(issuer, subject, cancellationToken), cancellationToken) is { } found)
                return new AccountId(found.Value.Account);
        }
        throw new ProblemException(ProblemCodes.NotFound, "no key was made for this subject; make one first");
    }

    /// <summary>Whether an account was ever allocated.</summary>
    public async Task<bool> ExistsAsync(AccountId account, CancellationToken cancellationToken) =>
        await catalog.ReadAsync(Documents.Account, account.Value, cancellationToken) is not null;

    private async Task<Principal> PrincipalOfAsync(JwtIdentity identity, CancellationToken cancellationToken) =>
        new(await IssuedAccountAsync(identity.Issuer, identity.Subject, cancellationToken), identity.Role);

    /// <summary>The account of a token's subject. Its issuer is no owner and no operator, whatever it calls itself.</summary>
    private async Task<AccountId> IssuedAccountAsync(string issuer, string subject, CancellationToken cancellationToken)
    {
        var key = await indexKey.OfSubjectAsync(IssuedPrefix + issuer, subject, cancellationToken);
        var document = await _issued.GetAsync(key, async index => (await catalog.ReadAsync(Documents.AccountIndex, index, cancellationToken))?.Value);
        return document is null ? await AccountAtAsync(key, isIssued: true, cancellationToken) : new AccountId(document.Account);
    }

    private async Task<AccountId> AccountOfAsync(string issuer, string subject, CancellationToken cancellationToken) =>
        await AccountAtAsync(await indexKey.OfSubjectAsync(issuer, subject, cancellationToken), isIssued: false, cancellationToken);

    /// <summary>The account at a place of the index, made by whoever asks first: of several that ask at once, one.</summary>
    private async Task<AccountId> AccountAtAsync(string key, bool isIssued, CancellationToken cancellationToken)
    {
        return await catalog.CommitAsync(
            async () =>
            {
                if (await catalog.ReadAsync(Documents.AccountIndex, key, cancellationToken) is { } known)
                    return (null, new AccountId(known.Value.Account));
                var account = new AccountId(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
                var document = new AccountDocument(account.Value, clock.GetUtcNow());
                var commit = new CatalogCommit
                {
                    Writes = [Documents.AccountIndex.Insert(key, document), Documents.Account.Insert(account.Value, document)],
                    // The account of a key stands in the line of its key.
                    Audit = isIssued ? [new AuditEvent("account.create", account.Value, null, account.Value, "token")] : [],
                };
                return (commit, account);
            },
            () => new ProblemException(ProblemCodes.Busy, "the account is being made by others; try again"),
            cancellationToken);
    }

    private Task<(ApiKey Key, KeyDocument Document)> StoreAsync(AccountId account, string role, string createdBy, CancellationToken cancellationToken) =>
        catalog.CommitAsync(
            () =>
            {
                var (commit, key, document) = Prepare(account, role, createdBy);
                return Task.FromResult<(CatalogCommit?, (ApiKey, KeyDocument))>((commit, (key, document)));
            },
            () => new ProblemException(ProblemCodes.Busy, "the key could not be stored; try again"),
            cancellationToken);

    private (CatalogCommit Commit, ApiKey Key, KeyDocument Document) Prepare(AccountId account, string role, string createdBy)
    {
        var key = ApiKey.Create();
        var document = new KeyDocument { Id = key.Id, Hash = key.Hash(), Account = account.Value, Role = role, CreatedBy = createdBy, Created = clock.GetUtcNow() };
        var commit = new CatalogCommit
        {
            Writes = [Documents.Key.Insert(key.Id, document)],
            Audit = [new AuditEvent("key.create", createdBy, null, key.Id, $"{role} {account}")],
        };
        return (commit, key, document);
    }

    private static string IssuerOf(Principal caller) => caller.Role == Roles.Operator ? OperatorIssuer : $"owner {caller.Account}";

    private static bool MayRevoke(Principal caller, KeyDocument key) => caller.Role == Roles.Operator || key.CreatedBy == caller.Account.Value;

    private static void RequireKeyMaker(Principal caller)
    {
        if (caller.Role == Roles.User)
            throw new ProblemException(ProblemCodes.Forbidden, "users have no keys to manage");
    }

    private static void RequireSubject(string subject)
    {
        if (!IsSubject(subject))
            throw new ProblemException(ProblemCodes.InvalidRequest, $"a subject has 1 to {LongestSubject} characters, none of them a control character");
    }

    /// <summary>Whether a text can be the name of somebody.</summary>
    public static bool IsSubject(string subject) => !string.IsNullOrWhiteSpace(subject) && subject.Length <= LongestSubject && !subject.Any(char.IsControl);

    private static ProblemException Unauthenticated(string why) => new(ProblemCodes.Unauthenticated, why);
}
