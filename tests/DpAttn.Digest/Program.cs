using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using DpAttn.Attention;
using DpAttn.Privacy;

// Prints one line: the vector widths that this process really has, and digests of exact sums, released sums and answers on fixed made rows,
// of sums of whole blocks of the largest features and values for every number of columns, of per-query requests (their variances, sums and answers), and
// of all of it for the distance-tree.
// The bit-equality tests start it with hardware intrinsics switched off and compare.
using var sums = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
using var released = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
using var answers = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
using var largest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
using var perQuery = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
using var trees = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
foreach (var (d, dv, degree, rows, box) in new[] { (5, 3, 4, 1300, true), (24, 26, 2, 700, false), (7, 1, 3, 513, false), (16, 9, 2, 1025, true) })
{
    var keyRegion = box ? Region.Box(d, -0.25, 1) : Region.Ball(d, 1);
    var queryRegion = box ? Region.Box(d, 0, 1) : Region.Ball(Enumerable.Repeat(0.05, d).ToArray(), 0.9);
    var schema = new StoreSchema(keyRegion, queryRegion, ValueBound.Ball(dv, 2), 1.5 / d, Adjacency.ReplaceOne, rows);
    var parameters = MomentParameters.Create(schema, degree);
    var random = new Random(42);
    var keys = new Matrix<double>(rows, d);
    var values = new Matrix<double>(rows, dv);
    for (var i = 0; i < keys.Data.Length; i++)
        keys.Data[i] = random.NextDouble() / Math.Sqrt(d);
    for (var i = 0; i < values.Data.Length; i++)
        values.Data[i] = (random.NextDouble() - 0.5) / Math.Sqrt(dv);
    var exact = MomentAccumulator.Sum(parameters, RowSet.Create(keys, values));
    var release = MomentRelease.Publish(exact, MomentRelease.Calibrate(parameters, [new Epsilon(0.5), new Epsilon(1)], new Delta(1e-6)), new byte[32]);
    sums.AppendData(MemoryMarshal.AsBytes(exact.Sums.AsSpan()));
    foreach (var tier in release.Tiers)
    {
        released.AppendData(MemoryMarshal.AsBytes(tier.Values.AsSpan()));
        foreach (var answer in new MomentAnswerer(tier).Answer(new Matrix<double>(20, d, keys.Data[..(20 * d)]), clip: true))
        {
            answers.AppendData(MemoryMarshal.AsBytes(answer.Output.AsSpan()));
            answers.AppendData(MemoryMarshal.AsBytes(answer.NoiseDeviation.AsSpan()));
            answers.AppendData(MemoryMarshal.AsBytes(answer.Intervals.AsSpan()));
            answers.AppendData([answer.IsIndistinguishableFromMean is true ? (byte)1 : (byte)0]);
        }
    }
    foreach (var alpha in box ? new[] { 0, 0.3 } : [])
    {
        var distances = DistanceTreeParameters.Create(schema, 2, alpha, 64);
        var nodes = DistanceTreeSums.Sum(distances, RowSet.Create(keys, values), clip: true);
        trees.AppendData(MemoryMarshal.AsBytes(nodes.Numbers.AsSpan()));
        var tier = DistanceTreeRelease.Publish(nodes, DistanceTreeRelease.Calibrate(distances, [new Epsilon(1)], new Delta(1e-6)), new byte[32]).Tiers[0];
        foreach (var answer in new DistanceTreeAnswerer(tier).Answer(new Matrix<double>(4, d, keys.Data[..(4 * d)]), clip: true))
            trees.AppendData(MemoryMarshal.AsBytes(answer.Output.AsSpan()));
    }
}
for (var dv = 1; dv <= 20; dv++)
{
    const int Rows = 1031;
    var schema = new StoreSchema(Region.Ball(1, 1), Region.Ball([0.68], 0.001), ValueBound.Ball(dv, 1.999), 1, Adjacency.AddRemove, Rows);
    var (keys, values) = (new Matrix<double>(Rows, 1), new Matrix<double>(Rows, dv));
    for (var i = 0; i < Rows; i++)
        (keys[i, 0], values[i, i % 3 == 0 ? 0 : dv - 1]) = (1 - i * 1e-9, i % 97 == 5 ? -1.999 : 1.999);
    largest.AppendData(MemoryMarshal.AsBytes(MomentAccumulator.Sum(MomentParameters.Create(schema, 2), RowSet.Create(keys, values)).Sums.AsSpan()));
}
foreach (var (d, dv, rows, scale, queries, box) in new[] { (5, 3, 1300, 4.0, 9, true), (24, 26, 700, 30.0, 4, false), (7, 1, 9000, 1.0, 3, false), (70, 9, 33, 700.0, 6, true), (2, 300, 257, 8.0, 1, false) })
{
    var region = box ? Region.Box(d, -0.25, 1) : Region.Ball(Enumerable.Repeat(0.05, d).ToArray(), 1.5);
    var schema = new StoreSchema(region, region, ValueBound.Ball(dv, 2), scale, Adjacency.AddRemove, rows);
    var parameters = PerQueryParameters.Create(schema);
    var random = new Random(43);
    var keys = new Matrix<double>(rows, d);
    var values = new Matrix<double>(rows, dv);
    for (var i = 0; i < keys.Data.Length; i++)
        keys.Data[i] = random.NextDouble() / Math.Sqrt(d);
    for (var i = 0; i < values.Data.Length; i++)
        values.Data[i] = (random.NextDouble() - 0.5) / Math.Sqrt(dv);
    var isNull = Enumerable.Range(0, rows).Select(slot => slot % 7 == 3).ToArray();
    var plan = PerQueryPlan.Create(parameters, new Matrix<double>(queries, d, keys.Data[..(queries * d)]), clip: true, new Epsilon(2), new Delta(1e-6));
    var noised = PerQueryNoise.Draw(plan, ReleaseKey.Derive(new byte[32], PerQueryManifest.Digest(plan, "store", new byte[32], new AccountId("a"), new RequestId("r"))));
    PerQuerySums.AddTo(noised, plan, PerQueryRows.Prepare(parameters, RowSet.Create(keys, values, isNull), clip: false));
    perQuery.AppendData(System.Text.Encoding.ASCII.GetBytes($"{plan.Sensitivity} {plan.Variance}"));
    perQuery.AppendData(MemoryMarshal.AsBytes(noised.AsSpan()));
    foreach (var answer in PerQueryAnswerer.Answer(plan, noised, rows: null))
    {
        perQuery.AppendData(MemoryMarshal.AsBytes(answer.Output.AsSpan()));
        perQuery.AppendData(MemoryMarshal.AsBytes(answer.NoiseDeviation.AsSpan()));
        perQuery.AppendData(MemoryMarshal.AsBytes(answer.Intervals.AsSpan()));
    }
}
var width = Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0;
Console.WriteLine($"width={width} sums={Hex(sums)} released={Hex(released)} answers={Hex(answers)} largest={Hex(largest)} perquery={Hex(perQuery)} trees={Hex(trees)}");

static string Hex(IncrementalHash hash) => Convert.ToHexString(hash.GetHashAndReset());
