using DpAttn.Contracts;

namespace DpAttn.Client.Tests;

/// <summary>What cannot be is refused before anything is sent.</summary>
public class ArgumentTests
{
    public static TheoryData<string> Wrong => [.. WrongByName.Keys];

    private static Dictionary<string, Func<IDpAttentionClient, Task>> WrongByName { get; } = new()
    {
        ["no query"] = client => client.AttendAsync("packages", ReadOnlyMemory<float>.Empty),
        ["no queries"] = client => client.AttendAsync("packages", ReadOnlyMemory<float>.Empty, 1),
        ["no count"] = client => client.AttendAsync("packages", new float[2], 0),
        ["uneven queries"] = client => client.AttendAsync("packages", new float[5], 2),
        ["tier below 0"] = client => client.AttendAsync("packages", new float[1], new AttendOptions { Tier = -1 }),
        ["NaN epsilon"] = client => client.AttendAsync("packages", new float[1], new AttendOptions { MaxEpsilon = double.NaN }),
        ["negative epsilon"] = client => client.AttendAsync("packages", new float[1], new AttendOptions { MaxEpsilon = -1 }),
        ["blocks before the first"] = client => client.AttendAsync("packages", new float[1], new AttendOptions { Rows = new(-1, 2) }),
        ["no blocks"] = client => client.AttendAsync("packages", new float[2], 2, new AttendOptions { Rows = new(2, 2) }),
        ["key with a space"] = client => client.AttendAsync("packages", new float[1], new AttendOptions { IdempotencyKey = "a b" }),
        ["long key"] = client => client.AttendAsync("packages", new float[1], new AttendOptions { IdempotencyKey = new string('k', 129) }),
        ["release with a line break"] = client => client.AttendAsync("packages", new float[1], new AttendOptions { Release = "a\nb" }),
        ["publish key"] = client => client.StartPublishAsync("packages", idempotencyKey: "a b"),
        ["no definition"] = client => client.EnsureStoreAsync("packages", null!),
        ["no key request"] = client => client.CreateKeyAsync(null!),
        ["no subject"] = client => client.GrantAsync("packages", "", 1),
        ["no subject of an issuer"] = client => client.GrantAsync("packages", new DpAttn.Contracts.AccountLookup("", "https://issuer.example.org"), 1),
        ["limit 0"] = client => client.GrantAsync("packages", "ada", 0),
        ["limit NaN"] = client => client.GrantAsync("packages", "ada", double.NaN),
        ["row below 0"] = client => client.EraseRowAsync("packages", "b1", -1),
        ["audit before the beginning"] = async client => await client.ListAuditAsync(-1).ToListAsync(),
        ["no rows"] = client => client.AppendAsync("packages", "load", null!),
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task It_is_refused_before_anything_is_sent(string what)
    {
        var handler = ScriptedHandler.Of(() => Replies.Json(new KeyList([])));
        using var test = new TestClient(handler);
        await Assert.ThrowsAnyAsync<ArgumentException>(() => WrongByName[what](test.Client));
        Assert.Empty(handler.Sent);
    }
}
