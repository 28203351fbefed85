using System.Text;
using DpAttn.Contracts;
using DpAttn.Storage;

namespace DpAttn.Cluster.Tests;

/// <summary>Keys, and the accounts behind them.</summary>
public sealed class CredentialTests : IAsyncDisposable
{
    private readonly ManualClock _clock = new();
    private readonly Bench _bench;
    private readonly Silo _here;
    private readonly Silo _there;

    public CredentialTests()
    {
        _bench = new Bench(_clock);
        _here = new Silo(_bench, _clock);
        _there = new Silo(_bench, _clock);
    }

    [Fact]
    public async Task A_key_says_whose_it_is_and_is_stored_as_a_hash_only()
    {
        var @operator = await OperatorAsync();
        var created = await _here.Credentials.CreateAsync(@operator, new KeyRequest("alice in wonderland", Roles.User), default);
        var principal = await _there.Credentials.AuthenticateAsync(created.Key, default);
        Assert.Equal((created.Account, Roles.User), (principal.Account.Value, principal.Role));
        var key = ApiKey.TryParse(created.Key)!;
        var database = await DatabaseAsync();
        Assert.DoesNotContain(key.Secret, database);
        Assert.Contains(key.Hash(), database);
        Assert.DoesNotContain("wonderland", database);
    }

    [Fact]
    public async Task Unknown_wrong_and_revoked_keys_are_told_the_same()
    {
        var @operator = await OperatorAsync();
        var created = await _here.Credentials.CreateAsync(@operator, new KeyRequest("alice", Roles.User), default);
        var other = await _here.Credentials.CreateAsync(@operator, new KeyRequest("bob", Roles.User), default);
        var (key, bobs) = (ApiKey.TryParse(created.Key)!, ApiKey.TryParse(other.Key)!);
        var wrong = await RefusedAsync(_here, (key with { Secret = bobs.Secret }).Reveal());
        var unknown = await RefusedAsync(_here, (key with { Id = "0123456789abcdef" }).Reveal());
        await _here.Credentials.RevokeAsync(@operator, other.Id, default);
        var revoked = await RefusedAsync(_here, other.Key);
        Assert.Equal([wrong, wrong], [unknown, revoked]);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Bearer x")]
    [InlineData("dpattn_0123456789abcdef_short")]
    [InlineData("dpattn_0123456789ABCDEF_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("dpattn-0123456789abcdef_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public async Task What_is_no_key_is_refused_without_a_look(string? credential) => await RefusedAsync(_here, credential);

    [Fact]
    public void A_key_is_never_written_out_whole()
    {
        var key = ApiKey.Create();
        Assert.DoesNotContain(key.Secret, key.ToString());
        Assert.DoesNotContain(key.Secret, $"{key}");
        Assert.Equal(key, ApiKey.TryParse(key.Reveal()));
        Assert.True(key.Matches(key.Hash()));
        Assert.False(key.Matches(ApiKey.Create().Hash()));
        Assert.False(key.Matches(key.Hash()[..10]));
        Assert.False(key.Matches(""));
    }

    [Fact]
    public async Task A_revoked_key_is_refused_at_once_here_and_after_a_poll_there()
    {
        var @operator = await OperatorAsync();
        await _here.Generation.PollAsync();
        await _there.Generation.PollAsync();
        var created = await _here.Credentials.CreateAsync(@operator, new KeyRequest("alice", Roles.User), default);
        foreach (var silo in new[] { _here, _there })
            await silo.Credentials.AuthenticateAsync(created.Key, default);
        await _here.Credentials.RevokeAsync(@operator, created.Id, default);
        await RefusedAsync(_here, created.Key);
        // Still cached, within the documented time.
        await _there.Credentials.AuthenticateAsync(created.Key, default);
        await _there.Generation.PollAsync();
        await RefusedAsync(_there, created.Key);
    }

    [Fact]
    public async Task A_revoked_key_is_refused_after_five_seconds_even_by_a_silo_that_cannot_poll()
    {
        var @operator = await OperatorAsync();
        await _there.Generation.PollAsync();
        var created = await _here.Credentials.CreateAsync(@operator, new KeyRequest("alice", Roles.User), default);
        await _there.Credentials.AuthenticateAsync(created.Key, default);
        await _here.Credentials.RevokeAsync(@operator, created.Id, default);
        _there.Plan.Every = _ => Fault.Before;
        await _there.Credentials.AuthenticateAsync(created.Key, default);
        _clock.Advance(Generation.LongestSilence + TimeSpan.FromTicks(1));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => _there.Credentials.AuthenticateAsync(created.Key, default));
    }

    [Fact]
    public async Task Revoking_is_for_ever_repeatable_and_only_of_ones_own()
    {
        var @operator = await OperatorAsync();
        var owner = await MakeAsync(@operator, "owner", Roles.Owner);
        var other = await MakeAsync(@operator, "other", Roles.Owner);
        var key = await _here.Credentials.CreateAsync(owner, new KeyRequest("alice", Roles.User), default);
        Assert.Equal(ProblemCodes.NotFound, (await Assert.ThrowsAsync<ProblemException>(() => _here.Credentials.RevokeAsync(other, key.Id, default))).Code);
        await _here.Credentials.AuthenticateAsync(key.Key, default);
        await _here.Credentials.RevokeAsync(owner, key.Id, default);
        await _here.Credentials.RevokeAsync(owner, key.Id, default);
        await _here.Credentials.RevokeAsync(@operator, key.Id, default);
        await RefusedAsync(_here, key.Key);
        Assert.NotNull(Assert.Single((await _here.Credentials.ListAsync(owner, default)).Keys).Revoked);
        Assert.Empty((await _here.Credentials.ListAsync(other, default)).Keys);
        foreach (var id in new[] { "", "x", "line\nbreak", new string('a', 5000) })
            Assert.Equal(ProblemCodes.NotFound, (await Assert.ThrowsAsync<ProblemException>(() => _here.Credentials.RevokeAsync(@operator, id, default))).Code);
        Assert.Single(await _bench.Storage.Catalog.ListAuditAsync(0, 100), row => row.Event.Action == "key.revoke");
    }

    [Fact]
    public async Task The_first_operator_key_is_made_once_however_many_silos_start_at_once()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() => (i % 2 == 0 ? _here : _there).Credentials.BootstrapAsync(default))));
        var key = Assert.Single(made, key => key is not null)!;
        Assert.Equal(Roles.Operator, (await _here.Credentials.AuthenticateAsync(key.Reveal(), default)).Role);
        Assert.Null(await _there.Credentials.BootstrapAsync(default));
    }

    [Fact]
    public async Task A_silo_that_had_found_no_operator_key_makes_none_after_another_one_did()
    {
        var slow = new Silo(_bench, _clock, new FaultPlan { FailingCall = 1, Fault = Fault.Hang, Counts = call => call == "catalog list key" });
        var late = slow.Credentials.BootstrapAsync(default);
        await slow.Plan.Hanging;
        Assert.NotNull(await _here.Credentials.BootstrapAsync(default));
        slow.Plan.Release();
        Assert.Null(await late);
    }

    [Fact]
    public async Task When_no_operator_key_works_any_more_the_next_start_makes_one_and_a_lost_one_is_replaced_on_the_machine()
    {
        var first = (await _here.Credentials.BootstrapAsync(default))!;
        var @operator = await _here.Credentials.AuthenticateAsync(first.Reveal(), default);
        var second = await _here.Credentials.RecoverAsync(default);
        Assert.Equal(@operator, await _here.Credentials.AuthenticateAsync(second.Reveal(), default));
        await _here.Credentials.RevokeAsync(@operator, first.Id, default);
        Assert.Null(await _here.Credentials.BootstrapAsync(default));
        await _here.Credentials.RevokeAsync(@operator, second.Id, default);
        Assert.NotNull(await _here.Credentials.BootstrapAsync(default));
        Assert.Null(await _here.Credentials.BootstrapAsync(default));
    }

    [Fact]
    public async Task All_keys_of_a_subject_are_one_account_and_other_issuers_subjects_are_others()
    {
        var @operator = await OperatorAsync();
        var owner = await MakeAsync(@operator, "owner", Roles.Owner);
        var other = await MakeAsync(@operator, "other", Roles.Owner);
        Principal[] issuers = [@operator, owner, other];
        var accounts = new List<string>();
        foreach (var issuer in issuers)
        {
            var keys = new List<string>();
            foreach (var silo in new[] { _here, _there, _here })
                keys.Add((await silo.Credentials.CreateAsync(issuer, new KeyRequest("alice", Roles.User), default)).Account);
            accounts.Add(Assert.Single(keys.Distinct()));
        }
        // So neither owner holds a key of the other's user, or of the operator's.
        Assert.Equal(3, accounts.Distinct().Count());
        for (var i = 0; i < issuers.Length; i++)
            Assert.Equal(accounts[i], (await _there.Credentials.FindAccountAsync(issuers[i], new AccountLookup("alice"), default)).Value);
        // An owner finds those that the operator vouches for, never those of another owner.
        var bobs = await _here.Credentials.CreateAsync(@operator, new KeyRequest("bob", Roles.User), default);
        await _here.Credentials.CreateAsync(other, new KeyRequest("carol", Roles.User), default);
        Assert.Equal(bobs.Account, (await _here.Credentials.FindAccountAsync(owner, new AccountLookup("bob"), default)).Value);
        Assert.Equal(ProblemCodes.NotFound, (await Assert.ThrowsAsync<ProblemException>(() => _here.Credentials.FindAccountAsync(owner, new AccountLookup("carol"), default))).Code);
    }

    [Fact]
    public async Task Racing_first_keys_of_a_subject_are_one_account()
    {
        var @operator = await OperatorAsync();
        var accounts = await Task.WhenAll(Enumerable.Range(0, 8).Select(i =>
            Task.Run(async () => (await (i % 2 == 0 ? _here : _there).Credentials.CreateAsync(@operator, new KeyRequest("alice", Roles.User), default)).Account)));
        Assert.Single(accounts.Distinct());
    }

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("line\nbreak")]
    [InlineData("tab\t")]
    public async Task A_subject_that_is_no_name_is_refused_without_being_repeated(string subject)
    {
        var @operator = await OperatorAsync();
        var problem = await Assert.ThrowsAsync<ProblemException>(() => _here.Credentials.CreateAsync(@operator, new KeyRequest(subject, Roles.User), default));
        Assert.Equal(ProblemCodes.InvalidRequest, problem.Code);
        Assert.Equal(ProblemCodes.InvalidRequest, (await Assert.ThrowsAsync<ProblemException>(() => _here.Credentials.FindAccountAsync(@operator, new AccountLookup(subject), default))).Code);
    }

    [Fact]
    public async Task A_subject_that_is_too_long_and_a_role_that_does_not_exist_are_refused()
    {
        var @operator = await OperatorAsync();
        await _here.Credentials.CreateAsync(@operator, new KeyRequest(new string('a', 256), Roles.User), default);
        Assert.Contains("256", (await Assert.ThrowsAsync<ProblemException>(() => _here.Credentials.CreateAsync(@operator, new KeyRequest(new string('a', 257), Roles.User), default))).Message);
        Assert.Contains("operator, owner, user", (await Assert.ThrowsAsync<ProblemException>(() => _here.Credentials.CreateAsync(@operator, new KeyRequest("a", "root"), default))).Message);
    }

    [Fact]
    public async Task The_audit_log_names_accounts_and_key_ids_and_never_subjects()
    {
        var @operator = await OperatorAsync();
        var created = await _here.Credentials.CreateAsync(@operator, new KeyRequest("alice-in-wonderland", Roles.User), default);
        await _here.Credentials.RevokeAsync(@operator, created.Id, default);
        var rows = await _bench.Storage.Catalog.ListAuditAsync(0, 100);
        Assert.Equal(["key.create", "key.create", "key.revoke"], rows.Select(row => row.Event.Action));
        Assert.Equal((created.Id, @operator.Account.Value), (rows[1].Event.Target, rows[1].Event.Actor));
        Assert.DoesNotContain("wonderland", string.Join('\n', rows));
    }

    public ValueTask DisposeAsync() => _bench.DisposeAsync();

    private async Task<Principal> OperatorAsync() => await _here.Credentials.AuthenticateAsync((await _here.Credentials.RecoverAsync(default)).Reveal(), default);

    private async Task<Principal> MakeAsync(Principal maker, string subject, string role) =>
        await _here.Credentials.AuthenticateAsync((await _here.Credentials.CreateAsync(maker, new KeyRequest(subject, role), default)).Key, default);

    private static async Task<string> RefusedAsync(Silo silo, string? credential)
    {
        var problem = await Assert.ThrowsAsync<ProblemException>(() => silo.Credentials.AuthenticateAsync(credential, default));
        Assert.Equal(ProblemCodes.Unauthenticated, problem.Code);
        return problem.Message;
    }

    private async Task<string> DatabaseAsync()
    {
        var text = new StringBuilder();
        foreach (var file in new[] { _bench.DatabaseFile, _bench.DatabaseFile + "-wal" })
        {
            await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = new byte[stream.Length];
            await stream.ReadExactlyAsync(bytes);
            text.Append(Encoding.Latin1.GetString(bytes));
        }
        return text.ToString();
    }

    private sealed class Silo
    {
        public Silo(Bench bench, TimeProvider clock, FaultPlan? plan = null)
        {
            Plan = plan ?? new FaultPlan();
            var catalog = new FaultyCatalog(bench.Storage.Catalog, Plan);
            Generation = new Generation(catalog, clock);
            Credentials = new CredentialDirectory(catalog, new IndexKey(catalog, bench.Protector), Generation, clock);
        }

        public FaultPlan Plan { get; }

        public Generation Generation { get; }

        public CredentialDirectory Credentials { get; }
    }
}
