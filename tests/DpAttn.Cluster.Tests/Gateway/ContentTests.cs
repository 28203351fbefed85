using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Contracts;
using DpAttn.Gateway;

namespace DpAttn.Cluster.Tests;

/// <summary>What goes over a gateway as bytes comes back bit by bit, and nothing of it is left behind.</summary>
public class ContentTests
{
    [Theory]
    [InlineData(true, true, true)]
    [InlineData(true, false, false)]
    [InlineData(false, true, true)]
    [InlineData(false, false, false)]
    public void Rows_come_back_as_they_went(bool keysAreDouble, bool valuesAreDouble, bool hasNulls)
    {
        var rows = new RowBatch(Matrix(3, 4, keysAreDouble), Matrix(3, 2, valuesAreDouble), hasNulls ? [true, false, true] : null, Clip: true);
        var (shape, content) = RowContent.Write(rows);
        Assert.Equal(shape.Bytes, content.Length);
        var back = RowContent.Read(shape, content, clip: true);
        Assert.Equal(rows.Keys.Single?.Data, back.Keys.Single?.Data);
        Assert.Equal(rows.Keys.Double?.Data, back.Keys.Double?.Data);
        Assert.Equal(rows.Values.Single?.Data, back.Values.Single?.Data);
        Assert.Equal(rows.Values.Double?.Data, back.Values.Double?.Data);
        Assert.Equal(rows.IsNull, back.IsNull);
        Assert.True(back.Clip);
    }

    /// <summary>Every property of a command is set, so that one that is added and not carried fails here.</summary>
    [Fact]
    public void A_command_comes_back_as_it_went()
    {
        var command = new AttendCommand(new Matrix<double>(2, 3, [1, -0.0, double.Epsilon, 4, 5, 1e300]), "r000001", 2, 0.75, "key-1", Clip: true, new BlockRange(3, 5));
        Assert.All(typeof(AttendCommand).GetProperties(), property => Assert.NotEqual(property.PropertyType.IsValueType ? Activator.CreateInstance(property.PropertyType) : null, property.GetValue(command)));
        var (terms, content) = AttendCommands.Write(command);
        var back = AttendCommands.Read(GatewayJson.Read<AttendTerms>(GatewayJson.Write(terms)), 2, 3, content);
        Assert.Equal(command.Queries.Data.Select(BitConverter.DoubleToInt64Bits), back.Queries.Data.Select(BitConverter.DoubleToInt64Bits));
        Assert.Equal((command.Queries.Rows, command.Queries.Columns), (back.Queries.Rows, back.Queries.Columns));
        Assert.Equal(command, back with { Queries = command.Queries });
    }

    [Theory]
    [InlineData(true, 17L)]
    [InlineData(null, null)]
    public void Answers_come_back_as_they_went(bool? mark, long? slots)
    {
        AttentionAnswer Answer(double x) => new([x, -x], [double.PositiveInfinity, x / 3], [new NoiseInterval(-x, x, false), new NoiseInterval(-1, 1, true)], 0.125, mark is null ? null : x > 1) { SlotsCovered = slots + (long)x };
        var result = new AttendResult([Answer(0.1), Answer(2), Answer(-0.0)], new PrivacyRecord(1, 0.5, 1e-6, 0.5, 1.5, 2.5, true, "r000001", 7), new BlockRange(0, 2));
        // Every property of an answer and of a record is set, so that one that is added and not carried fails here.
        if (mark is not null)
        {
            Assert.All(typeof(AttentionAnswer).GetProperties(), property => Assert.NotNull(property.GetValue(result.Answers[0])));
            Assert.All(typeof(PrivacyRecord).GetProperties(), property => Assert.NotEqual(property.PropertyType.IsValueType ? Activator.CreateInstance(property.PropertyType) : null, property.GetValue(result.Privacy)));
        }
        var (summary, content) = AttendResults.Write(result);
        var back = AttendResults.Read(GatewayJson.Read<AnswerSummary>(GatewayJson.Write(summary)), content);
        Assert.Equal((result.Privacy, result.Blocks), (back.Privacy, back.Blocks));
        Assert.Equal(3, back.Answers.Count);
        foreach (var (went, came) in result.Answers.Zip(back.Answers))
        {
            Assert.Equal(went.Output.Select(BitConverter.DoubleToInt64Bits), came.Output.Select(BitConverter.DoubleToInt64Bits));
            Assert.Equal(went.NoiseDeviation, came.NoiseDeviation);
            Assert.Equal(went.Intervals, came.Intervals);
            Assert.Equal((went.KernelErrorBound, went.IsIndistinguishableFromMean, went.SlotsCovered), (came.KernelErrorBound, came.IsIndistinguishableFromMean, came.SlotsCovered));
        }
    }

    [Fact]
    public void A_problem_keeps_its_figures()
    {
        var problem = new ProblemException(ProblemCodes.BudgetExhausted, "no")
        {
            Requested = 1,
            Remaining = 0.5,
            ShortBy = 0.25,
            Delta = 1e-6,
            Affordable = new TierPrice(0, 0.5, 1e-6, "r000001"),
            RetryAfter = TimeSpan.FromSeconds(3),
            Prices = [new TierPrice(1, 1, 1e-6)],
        };
        var back = Problems.OfGateway(Problems.ToGateway(problem));
        Assert.Equal((problem.Code, problem.Message, problem.Requested, problem.Remaining, problem.ShortBy, problem.Delta, problem.Affordable, problem.RetryAfter), (back.Code, back.Message, back.Requested, back.Remaining, back.ShortBy, back.Delta, back.Affordable, back.RetryAfter));
        Assert.Equal(problem.Prices, back.Prices);
    }

    [Fact]
    public void The_gate_takes_so_many_calls_and_so_many_bytes()
    {
        var gate = new GatewayGate(new ClusterOptions { GatewayCalls = 2, IngestBytes = 100 });
        var first = gate.EnterCall();
        using var second = gate.EnterCall();
        Assert.Equal(ProblemCodes.Busy, Assert.Throws<ProblemException>(gate.EnterCall).Code);
        first.Dispose();
        first.Dispose();
        using var third = gate.EnterCall();
        Assert.Equal(ProblemCodes.Busy, Assert.Throws<ProblemException>(gate.EnterCall).Code);
        Assert.Equal(ProblemCodes.TooLarge, Assert.Throws<ProblemException>(() => gate.EnterBytes(101)).Code);
        using var bytes = gate.EnterBytes(60);
        Assert.Equal(ProblemCodes.Busy, Assert.Throws<ProblemException>(() => gate.EnterBytes(60)).Code);
    }

    public static TheoryData<int, int> Monstrous => new()
    {
        { int.MaxValue, int.MaxValue },
        // 2^63: below 0 as 64 bits.
        { 1 << 30, 1 << 30 },
        // 2^64 + 2^33 - 8: 8 GiB as 64 bits.
        { int.MaxValue, (1 << 30) + 1 },
        { 1, int.MaxValue },
        { int.MaxValue, 1 },
    };

    [Theory]
    [MemberData(nameof(Monstrous))]
    public void A_size_that_no_array_has_is_too_large_and_never_wraps(int rows, int columns)
    {
        void Refuse(Func<long> bytes) => Assert.Equal(ProblemCodes.TooLarge, Assert.Throws<ProblemException>(() => bytes()).Code);
        Refuse(() => GatewayBounds.BytesOf(Queries(rows, columns)));
        Refuse(() => GatewayBounds.BytesOf(Batch(new BatchShape(rows, columns, true, 1, false, false))));
        Refuse(() => GatewayBounds.BytesOf(Batch(new BatchShape(rows, 1, false, columns, true, true))));
    }

    [Fact]
    public void A_size_is_that_of_its_numbers()
    {
        Assert.Equal(48, GatewayBounds.BytesOf(Queries(2, 3)));
        Assert.Equal(Array.MaxLength / 8 * 8L, GatewayBounds.BytesOf(Queries(Array.MaxLength / 8, 1)));
        Assert.Equal(2 * (3 * 4 + 5 * 8 + 1), GatewayBounds.BytesOf(Batch(new BatchShape(2, 3, false, 5, true, true))));
        foreach (var (rows, columns) in ((int, int)[])[(0, 1), (1, 0), (-1, 1), (1, -1), (-1, -1), (int.MinValue, int.MinValue)])
        {
            Assert.Equal(ProblemCodes.InvalidRequest, Assert.Throws<ProblemException>(() => GatewayBounds.BytesOf(Queries(rows, columns))).Code);
            Assert.Equal(ProblemCodes.InvalidRequest, Assert.Throws<ProblemException>(() => GatewayBounds.BytesOf(Batch(new BatchShape(rows, columns, true, 1, true, false)))).Code);
            Assert.Equal(ProblemCodes.InvalidRequest, Assert.Throws<ProblemException>(() => GatewayBounds.BytesOf(Batch(new BatchShape(rows, 1, true, columns, true, false)))).Code);
        }
    }

    [Fact]
    public void What_comes_with_a_call_is_at_most_a_mebibyte()
    {
        const int Most = 1 << 20;
        static Document Long(int bytes) => new(new byte[bytes]);
        GatewayBounds.Require(new DoorRequest(Operations.CreateKey, body: Long(Most)));
        GatewayBounds.Require(new DoorRequest(Operations.ListKeys));
        Assert.Equal(Most, GatewayBounds.BytesOf(new AttendHeader("s", Most / 8, 1, Long(Most), 0, new Block(new byte[Most]))));
        Assert.Equal(Most, GatewayBounds.BytesOf(new AppendHeader("s", "b", new BatchShape(Most / 8, 1, false, 1, false, false), false, 0, new Block(new byte[Most]))));
        foreach (var call in (Action[])[
            () => GatewayBounds.Require(new DoorRequest(Operations.CreateKey, body: Long(Most + 1))),
            () => GatewayBounds.BytesOf(new AttendHeader("s", 1, 1, Long(Most + 1), 0, null)),
            () => GatewayBounds.BytesOf(new AttendHeader("s", Most / 8, 1, Document.Empty, 0, new Block(new byte[Most + 1]))),
            () => GatewayBounds.BytesOf(new AppendHeader("s", "b", new BatchShape(Most / 8, 1, false, 1, false, false), false, 0, new Block(new byte[Most + 1])))])
            Assert.Equal(ProblemCodes.TooLarge, Assert.Throws<ProblemException>(call).Code);
    }

    [Fact]
    public async Task Pieces_of_an_answer_that_do_not_fit_are_not_taken()
    {
        var transfers = new Transfers(mostBytes: 10);
        using var transfer = transfers.Begin(new byte[] { 1, 2, 3 });
        Assert.Equal([2, 3], (await transfers.ReadAsync(transfer.Id, 1, 2)).Bytes.ToArray());
        await Assert.ThrowsAsync<InvalidOperationException>(() => transfers.ReadAsync(transfer.Id, 2, 2));
        await Assert.ThrowsAsync<InvalidOperationException>(() => transfers.ReadAsync(transfer.Id, -1, 1));
        await Assert.ThrowsAsync<InvalidOperationException>(() => transfers.ReadAsync(transfer.Id + 1, 0, 1));
        await Assert.ThrowsAsync<InvalidOperationException>(() => transfers.WriteAsync(transfer.Id, 11, 0, new Block(new byte[1])));
        await transfers.WriteAsync(transfer.Id, 4, 0, new Block(new byte[] { 9, 8 }));
        Assert.Null(transfer.Brought);
        await Assert.ThrowsAsync<InvalidOperationException>(() => transfers.WriteAsync(transfer.Id, 4, 0, new Block(new byte[2])));
        await Assert.ThrowsAsync<InvalidOperationException>(() => transfers.WriteAsync(transfer.Id, 5, 2, new Block(new byte[2])));
        await Assert.ThrowsAsync<InvalidOperationException>(() => transfers.WriteAsync(transfer.Id, 4, 2, new Block(new byte[3])));
        await transfers.WriteAsync(transfer.Id, 4, 2, new Block(new byte[] { 7, 6 }));
        Assert.Equal([9, 8, 7, 6], transfer.Brought!);
        transfer.Dispose();
        await Assert.ThrowsAsync<InvalidOperationException>(() => transfers.ReadAsync(transfer.Id, 0, 1));
    }

    private static AttendHeader Queries(int queries, int columns) => new("s", queries, columns, Document.Empty, 0, null);

    private static AppendHeader Batch(BatchShape shape) => new("s", "b", shape, false, 0, null);

    private static FloatMatrix Matrix(int rows, int columns, bool isDouble)
    {
        var numbers = Enumerable.Range(0, rows * columns).Select(i => i / 7.0).ToArray();
        return isDouble ? new FloatMatrix(new Matrix<double>(rows, columns, numbers)) : new FloatMatrix(new Matrix<float>(rows, columns, [.. numbers.Select(x => (float)x)]));
    }
}
