using System.Globalization;
using System.Net;
using System.Numerics;
using DpAttn.Client.Internal;
using DpAttn.Contracts;

namespace DpAttn.Client;

public sealed partial class DpAttentionClient
{
    private static readonly AttendOptions FromWhatIsOpen = new();

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">No numbers, a number that is not finite, or options that cannot be.</exception>
    /// <exception cref="DpAttentionException">Refused (not_opened carries the prices), or failed after all retries.</exception>
    public Task<AttendResponse> AttendAsync(string store, ReadOnlyMemory<float> query, AttendOptions? options = null, CancellationToken cancellationToken = default)
    {
        var asked = Require(options);
        RequireFinite(query.Span, 1);
        return AttendAsync(AttendCall(store, asked, "").WithJson(QueryBody.Write(query.Span, asked)), 1, cancellationToken);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Lengths that do not fit, a number that is not finite, or options that cannot be.</exception>
    /// <exception cref="DpAttentionException">Refused (not_opened carries the prices), or failed after all retries.</exception>
    /// <remarks>The queries travel as .npy; the memory is read until the task completes.</remarks>
    public Task<AttendResponse> AttendAsync(string store, ReadOnlyMemory<float> queries, int count, AttendOptions? options = null, CancellationToken cancellationToken = default) =>
        AttendAsync<float>(store, queries, count, options, cancellationToken);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Lengths that do not fit, a number that is not finite, or options that cannot be.</exception>
    /// <exception cref="DpAttentionException">Refused (not_opened carries the prices), or failed after all retries.</exception>
    /// <remarks>The queries travel as .npy; the memory is read until the task completes.</remarks>
    public Task<AttendResponse> AttendAsync(string store, ReadOnlyMemory<double> queries, int count, AttendOptions? options = null, CancellationToken cancellationToken = default) =>
        AttendAsync<double>(store, queries, count, options, cancellationToken);

    /// <inheritdoc/>
    public Task<EstimateResponse> EstimateAsync(string store, EstimateRequest? request = null, CancellationToken cancellationToken = default)
    {
        var call = new Call($"estimate for store '{store}'", HttpMethod.Post, StorePath(store) + "/estimate");
        return _exchange.SendAsync(call.WithJson(request ?? new EstimateRequest(), WireJson.Default.EstimateRequest), WireJson.Default.EstimateResponse, cancellationToken);
    }

    private Task<AttendResponse> AttendAsync<T>(string store, ReadOnlyMemory<T> queries, int count, AttendOptions? options, CancellationToken cancellationToken)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var asked = Require(options);
        var dimension = Columns(queries.Length, count, nameof(queries));
        RequireFinite(queries.Span, count);
        return AttendAsync(AttendCall(store, asked, Parameters(asked)) with { Body = () => new NpyContent<T>(queries, count, dimension) }, count, cancellationToken);
    }

    private async Task<AttendResponse> AttendAsync(Call call, int count, CancellationToken cancellationToken)
    {
        // Several answers come as .npz, in a fraction of the time that JSON takes.
        var asked = count > 1 ? call with { Accept = $"{NpzAnswers.MediaType}, {call.Accept};q=0.5" } : call;
        var reply = await _exchange.SendAsync(asked, cancellationToken).ConfigureAwait(false);
        if (reply.MediaType == NpzAnswers.MediaType)
        {
            return NpzAnswers.TryRead(reply, count)
                ?? throw Exchange.Malformed(call, reply.Status, $"not a whole .npz of {count} answers with their error bars and their privacy record");
        }
        var response = Exchange.Parse(call, reply, WireJson.Default.AttendResponse);
        var isWhole = (response.IndistinguishableFromMean is null || response.IndistinguishableFromMean.Count == count) && response.Outputs.Count == count && response.Outputs[0].Count > 0
            && HasShape(response.Outputs, response) && HasShape(response.NoiseDeviations, response) && HasShape(response.IntervalLow, response) && HasShape(response.IntervalHigh, response);
        return isWhole ? response : throw Exchange.Malformed(call, HttpStatusCode.OK, $"not one of {count} answers with their error bars");
    }

    private static bool HasShape<T>(IReadOnlyList<IReadOnlyList<T>> matrix, AttendResponse response)
    {
        if (matrix.Count != response.Outputs.Count)
            return false;
        foreach (var row in matrix)
        {
            if (row.Count != response.Outputs[0].Count)
                return false;
        }
        return true;
    }

    private static Call AttendCall(string store, AttendOptions options, string parameters) =>
        new($"attend to store '{store}'", HttpMethod.Post, $"{StorePath(store)}/attend{parameters}")
        {
            // Without a tier or an amount nothing can be charged, and a repetition is a repetition.
            Key = options.IdempotencyKey ?? (options.Tier is null && options.MaxEpsilon is null ? null : NewKey()),
        };

    /// <summary>Options beside a .npy body.</summary>
    private static string Parameters(AttendOptions options)
    {
        var parts = new List<string>();
        if (options.Release is { } release)
            parts.Add("release=" + Uri.EscapeDataString(release));
        if (options.Tier is { } tier)
            parts.Add("tier=" + tier.ToString(CultureInfo.InvariantCulture));
        if (options.MaxEpsilon is { } epsilon)
            parts.Add("maxEpsilon=" + Uri.EscapeDataString(epsilon.ToString("R", CultureInfo.InvariantCulture)));
        if (options.Rows is { } rows)
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"rowsFrom={rows.From}&rowsTo={rows.To}"));
        if (options.Clip)
            parts.Add("clip=true");
        return parts.Count == 0 ? "" : "?" + string.Join('&', parts);
    }

    internal static AttendOptions Require(AttendOptions? options)
    {
        if (options is null)
            return FromWhatIsOpen;
        if (options.Release is { } release)
            Identifiers.Require(release, name: nameof(options.Release));
        if (options.IdempotencyKey is { } key)
            Identifiers.Require(key, name: nameof(options.IdempotencyKey));
        if (options.Tier is < 0)
            throw new ArgumentException($"Tier counts from 0, not {options.Tier}", nameof(options));
        if (options.Rows is { } rows && (rows.From < 0 || rows.From >= rows.To))
            throw new ArgumentException($"Rows runs from a block, counted from 0, to a later one, not from {rows.From} to {rows.To}", nameof(options));
        return options.MaxEpsilon is { } epsilon && !(epsilon >= 0 && double.IsFinite(epsilon))
            ? throw new ArgumentException($"MaxEpsilon must be finite and not below 0, not {epsilon}", nameof(options))
            : options;
    }

    internal static void RequireFinite<T>(ReadOnlySpan<T> queries, int count)
        where T : IFloatingPointIeee754<T>
    {
        if (queries.IsEmpty)
            throw new ArgumentException("a query needs at least one number", nameof(queries));
        for (var i = 0; i < queries.Length; i++)
        {
            if (!T.IsFinite(queries[i]))
                throw new ArgumentException($"query {i / (queries.Length / count)}: coordinate {i % (queries.Length / count)} is NaN or infinite", nameof(queries));
        }
    }
}
