using DpAttn.Contracts;

namespace DpAttn.Cluster.Tests;

internal static class Wait
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task<ReleaseDescription> PublishedAsync(IFrontDoor door, Principal caller, string store, string release)
    {
        ReleaseDescription? found = null;
        await UntilAsync(async () => (found = await door.GetReleaseAsync(caller, store, release)).State != "publishing");
        Assert.Equal("published", found!.State);
        return found;
    }

    public static async Task UntilAsync(Func<Task<bool>> holds)
    {
        var end = DateTime.UtcNow + Patience;
        while (!await holds())
        {
            Assert.True(DateTime.UtcNow < end, "it did not come to hold");
            await Task.Delay(20);
        }
    }
}
