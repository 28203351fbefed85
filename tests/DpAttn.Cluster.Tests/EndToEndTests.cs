using DpAttn.Contracts;

namespace DpAttn.Cluster.Tests;

/// <summary>The main job through the grains: load, publish, grant, open, ask.</summary>
public class EndToEndTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task An_owner_loads_and_publishes_and_a_user_opens_and_asks(int silos)
    {
        await using var cluster = await TestSilos.StartAsync(silos);
        var door = cluster.FrontDoor;
        var owner = await cluster.PrincipalAsync(Roles.Owner, "owner");
        var user = await cluster.PrincipalAsync(Roles.User, "user");
        var (store, isNew) = await door.EnsureStoreAsync(owner, "s", Samples.Definition());
        Assert.True(isNew);
        var appended = await door.AppendAsync(owner, "s", "b1", Samples.Rows(700, 1));
        Assert.Equal((0, 700, false), (appended.FirstSlot, appended.Slots, appended.Replayed));
        Assert.True((await door.AppendAsync(owner, "s", "b1", Samples.Rows(700, 1))).Replayed);
        Assert.Equal(700, (await door.AppendAsync(owner, "s", "b2", Samples.Rows(50, 2))).FirstSlot);

        var release = await door.PublishAsync(owner, "s", new PublishRequest(), "p1");
        release = await Wait.PublishedAsync(door, owner, "s", release.Id);
        Assert.Equal(750, release.Slots);

        var unknown = await Assert.ThrowsAsync<ProblemException>(() => door.AttendAsync(user, "s", new AttendCommand(Samples.Queries(2))));
        Assert.Equal(ProblemCodes.NotFound, unknown.Code);
        await door.SetBudgetAsync(owner, "s", user.Account.Value, new LimitRequest(1));
        var closed = await Assert.ThrowsAsync<ProblemException>(() => door.AttendAsync(user, "s", new AttendCommand(Samples.Queries(2))));
        Assert.Equal(ProblemCodes.NotOpened, closed.Code);
        Assert.Equal([0.5, 1, 2], closed.Prices!.Select(price => price.Epsilon));

        var opened = await door.AttendAsync(user, "s", new AttendCommand(Samples.Queries(2), release.Id, 1, RequestId: "k1"));
        Assert.Equal(1, opened.Privacy.Charged, 1e-9);
        var again = await door.AttendAsync(user, "s", new AttendCommand(Samples.Queries(2), release.Id, 1, RequestId: "k1"));
        Assert.True(again.Privacy.Replayed);
        Assert.Equal(0, again.Privacy.Charged);
        Assert.Equal(opened.Answers[1].Output, again.Answers[1].Output);
        var free = await door.AttendAsync(user, "s", new AttendCommand(Samples.Queries(2)));
        Assert.Equal(opened.Answers[0].Output, free.Answers[0].Output);

        var refused = await Assert.ThrowsAsync<ProblemException>(() => door.AttendAsync(user, "s", new AttendCommand(Samples.Queries(2), release.Id, 2)));
        Assert.Equal(ProblemCodes.BudgetExhausted, refused.Code);
        Assert.Equal(1, refused.ShortBy!.Value, 1e-6);
        var budget = await door.GetMyBudgetAsync(user, "s");
        Assert.Equal((1.0, 1.0), (Math.Round(budget.Spent, 9), budget.Limit));
        Assert.Equal(["limit", "open"], (await door.ListMyLedgerAsync(user, "s", null, 100)).Entries.Select(entry => entry.Kind));
    }
}
