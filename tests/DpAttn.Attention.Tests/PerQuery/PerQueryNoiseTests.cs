using DpAttn.Privacy;

namespace DpAttn.Attention.Tests;

/// <summary>The noise of a request is one pure function of everything it may meet.</summary>
public class PerQueryNoiseTests
{
    private static readonly StoreSchema Schema = TestRows.BallSchema(3, 2, 1000, 8);
    private static readonly PerQueryPlan Plan = PerQueryRequests.Plan(Schema, PerQueryRequests.Queries(Schema, 4));
    private static readonly byte[] Rows = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    [Fact]
    public void Whoever_plans_and_draws_again_gets_the_same_noise()
    {
        var secret = Enumerable.Repeat((byte)7, 32).ToArray();
        var first = PerQueryNoise.Draw(Plan, ReleaseKey.Derive(secret, Digest(Plan)));
        var planned = PerQueryRequests.Plan(Schema, PerQueryRequests.Queries(Schema, 4));
        Assert.Equal(first, PerQueryNoise.Draw(planned, ReleaseKey.Derive(secret, Digest(planned))));
        Assert.Equal(Plan.Dimension, first.Length);
        Assert.Equal(first.Length, first.Distinct().Count());
        Assert.NotEqual(first, PerQueryNoise.Draw(Plan, ReleaseKey.Derive([.. secret[1..], 8], Digest(Plan))));
    }

    [Fact]
    public void The_digest_changes_with_everything_that_the_sums_or_the_charge_depend_on()
    {
        var digests = new List<byte[]>
        {
            Digest(Plan),
            Digest(Plan, store: "store2"),
            Digest(Plan, rows: [.. Rows[..31], 99]),
            Digest(Plan, account: "bob"),
            Digest(Plan, request: "2"),
            // The same letters, cut elsewhere.
            Digest(Plan, account: "alice1", request: "x"),
            Digest(Plan, account: "alice", request: "1x"),
            Digest(PerQueryRequests.Plan(Schema, PerQueryRequests.Queries(Schema, 4), epsilon: 1.0000001)),
            Digest(PerQueryRequests.Plan(Schema, PerQueryRequests.Queries(Schema, 5))),
            Digest(PerQueryRequests.Plan(Schema, PerQueryRequests.Queries(Schema, 4, seed: 6))),
            Digest(PerQueryRequests.Plan(TestRows.BallSchema(3, 2, 1001, 8), PerQueryRequests.Queries(Schema, 4))),
            Digest(PerQueryRequests.Plan(TestRows.BallSchema(3, 2, 1000, 8.1), PerQueryRequests.Queries(Schema, 4))),
            Digest(PerQueryRequests.Plan(TestRows.BallSchema(3, 2, 1000, 8, Adjacency.AddRemove), PerQueryRequests.Queries(Schema, 4))),
            Digest(PerQueryRequests.Plan(new StoreSchema(Region.Ball(3, 1), Region.Ball(3, 1), ValueBound.Ball(2, 1.1), 8, Adjacency.ReplaceOne, 1000), PerQueryRequests.Queries(Schema, 4))),
            Digest(PerQueryRequests.Plan(new StoreSchema(Region.Ball(3, 1), Region.Ball(3, 2), ValueBound.Ball(2, 1), 8, Adjacency.ReplaceOne, 1000), PerQueryRequests.Queries(Schema, 4))),
            Digest(PerQueryRequests.Plan(new StoreSchema(Region.Ball([0, 1e-9, 0], 1), Region.Ball(3, 1), ValueBound.Ball(2, 1), 8, Adjacency.ReplaceOne, 1000), PerQueryRequests.Queries(Schema, 4))),
        };
        // Two queries in the other order, and one query's last number in the next one's place.
        foreach (var data in new double[][] { [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.4, 0.5, 0.6, 0.1, 0.2, 0.3], [0.1, 0.2, 0.4, 0.3, 0.5, 0.6] })
            digests.Add(Digest(PerQueryRequests.Plan(Schema, new Matrix<double>(2, 3, data))));
        Assert.Equal(digests.Count, digests.Select(Convert.ToHexString).Distinct().Count());
        Assert.All(digests, digest => Assert.Equal(32, digest.Length));
    }

    /// <summary>Frozen: a difference means that requests that were charged before would get other noise than they did.</summary>
    [Fact]
    public void A_fixed_requests_digest_and_noise_are_those_of_every_machine_before()
    {
        var plan = PerQueryRequests.Plan(Schema, new Matrix<double>(2, 3, [0.5, 0.25, 0, -0.5, 0, 0.125]));
        var noise = PerQueryNoise.Draw(plan, ReleaseKey.Derive(new byte[32], Digest(plan)));
        Assert.Equal("DB4D446D79EC44C99AA3AC8BEBFED0FD327E697A4EC686BA65D0404056D09D23", Convert.ToHexString(Digest(plan)));
        Assert.Equal("-6123885404047 2607481874031 -1631646508064 10101326142599 6051555847285 1175190177935", string.Join(' ', noise));
    }

    [Fact]
    public void Identities_that_were_never_stated_are_refused()
    {
        Assert.ThrowsAny<ArgumentException>(() => PerQueryManifest.Digest(Plan, "", Rows, new AccountId("a"), new RequestId("r")));
        Assert.Contains("a row set's digest has 32 bytes, not 31", Assert.Throws<ArgumentException>(() => PerQueryManifest.Digest(Plan, "s", Rows.AsSpan(1), new AccountId("a"), new RequestId("r"))).Message);
        Assert.Throws<InvalidOperationException>(() => PerQueryManifest.Digest(Plan, "s", Rows, default, new RequestId("r")));
        Assert.Throws<InvalidOperationException>(() => PerQueryManifest.Digest(Plan, "s", Rows, new AccountId("a"), default));
        // Two broken surrogates would have one encoding.
        Assert.ThrowsAny<ArgumentException>(() => PerQueryManifest.Digest(Plan, "\ud800", Rows, new AccountId("a"), new RequestId("r")));
    }

    private static byte[] Digest(PerQueryPlan plan, string store = "store", byte[]? rows = null, string account = "alice", string request = "1") =>
        PerQueryManifest.Digest(plan, store, rows ?? Rows, new AccountId(account), new RequestId(request));
}
