using DpAttn.Attention;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Server.Tests.Support;

/// <summary>A fake front door that sums rows and answers queries with the library itself, so that its own refusals reach the edge.</summary>
internal static class LibraryDoor
{
    public static FakeFrontDoor Create(int keyDimension = 3, int valueDimension = 2)
    {
        var schema = new StoreSchema(Region.Ball(keyDimension, 1), Region.Ball(keyDimension, 1), ValueBound.Ball(valueDimension, 1), 1, Adjacency.ReplaceOne, 1000);
        var parameters = MomentParameters.Create(schema, 2);
        var keys = new Matrix<double>(4, keyDimension);
        var values = new Matrix<double>(4, valueDimension);
        for (var i = 0; i < 4; i++)
            (keys[i, i % keyDimension], values[i, i % valueDimension]) = (0.5, 1);
        var ladder = MomentRelease.Calibrate(parameters, [Epsilon.Budget(8)], new Delta(1e-6));
        var release = MomentRelease.Publish(MomentAccumulator.Sum(parameters, RowSet.Create(keys, values)), ladder, new byte[32]);
        var answerer = new MomentAnswerer(release.Tiers[0]);
        var door = new FakeFrontDoor();
        door.Answer(nameof(IFrontDoor.AppendAsync), arguments =>
        {
            var rows = (RowBatch)arguments[3]!;
            MomentAccumulator.Sum(parameters, rows.ToRows(), rows.Clip);
            return new AppendResult((string)arguments[2]!, 0, rows.Keys.Rows, false);
        });
        door.Answer(nameof(IFrontDoor.AttendAsync), arguments =>
        {
            var command = (AttendCommand)arguments[2]!;
            return new AttendResult(answerer.Answer(command.Queries, command.Clip), Samples.Privacy);
        });
        return door;
    }
}
