using System.Numerics;
using DpAttn.Client.Internal;
using DpAttn.Contracts;
using DpAttn.Gateway;

namespace DpAttn.Client;

internal sealed partial class ClusterDpAttentionClient
{
    public Task<AttendResponse> AttendAsync(string store, ReadOnlyMemory<float> query, AttendOptions? options = null, CancellationToken cancellationToken = default) =>
        AttendAsync<float>(store, query, 1, options, cancellationToken);

    public Task<AttendResponse> AttendAsync(string store, ReadOnlyMemory<float> queries, int count, AttendOptions? options = null, CancellationToken cancellationToken = default) =>
        AttendAsync<float>(store, queries, count, options, cancellationToken);

    public Task<AttendResponse> AttendAsync(string store, ReadOnlyMemory<double> queries, int count, AttendOptions? options = null, CancellationToken cancellationToken = default) =>
        AttendAsync<double>(store, queries, count, options, cancellationToken);

    private Task<AttendResponse> AttendAsync<T>(string store, ReadOnlyMemory<T> queries, int count, AttendOptions? options, CancellationToken cancellationToken)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var asked = DpAttentionClient.Require(options);
        Identifiers.Require(store);
        var columns = DpAttentionClient.Columns(queries.Length, count, nameof(queries));
        DpAttentionClient.RequireFinite(queries.Span, count);
        var numbers = new double[queries.Length];
        for (var i = 0; i < numbers.Length; i++)
            numbers[i] = double.CreateTruncating(queries.Span[i]);
        var content = new byte[(long)numbers.Length * sizeof(double)];
        Numbers.Write(numbers, content);
        // Without a tier or an amount nothing can be charged, and a repetition is a repetition.
        var key = asked.IdempotencyKey ?? (asked.Tier is null && asked.MaxEpsilon is null ? null : Identifiers.NewKey());
        var terms = new AttendTerms(asked.Release, asked.Tier, asked.MaxEpsilon, key, asked.Clip, asked.Rows);
        return RunAsync(
            $"attend to store '{store}'",
            async (credential, token) =>
            {
                var (summary, answers) = await door.AttendAsync(credential, store, count, columns, terms, content, token).ConfigureAwait(false);
                return Read(summary, answers.Span);
            },
            cancellationToken,
            key);
    }

    private static AttendResponse Read(AnswerSummary summary, Span<byte> bytes)
    {
        var content = new AnswerContent(bytes, summary.Queries, summary.Columns, summary.HasMarks, summary.HasSlots);
        var (outputs, deviations, low, high) = (new double[summary.Queries][], new double?[summary.Queries][], new double[summary.Queries][], new double[summary.Queries][]);
        var marks = summary.HasMarks ? new bool[summary.Queries] : null;
        for (var i = 0; i < summary.Queries; i++)
        {
            outputs[i] = content.ReadOutputs(i);
            deviations[i] = Array.ConvertAll(content.ReadDeviations(i), x => double.IsFinite(x) ? (double?)x : null);
            low[i] = content.ReadLow(i);
            high[i] = content.ReadHigh(i);
            if (marks is not null)
                marks[i] = content.ReadMark(i) == true;
        }
        return new AttendResponse
        {
            Outputs = outputs,
            NoiseDeviations = deviations,
            IntervalLow = low,
            IntervalHigh = high,
            KernelErrorBound = summary.KernelErrorBound,
            IndistinguishableFromMean = marks,
            SlotsCovered = content.ReadSlots(0),
            Blocks = summary.Blocks,
            Privacy = summary.Privacy,
        };
    }
}
