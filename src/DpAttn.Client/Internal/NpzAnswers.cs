using System.Globalization;
using System.IO.Compression;
using System.Net.Http.Headers;
using DpAttn.Contracts;

namespace DpAttn.Client.Internal;

/// <summary>
/// Answers to a batch as an .npz archive: outputs, noise_deviations, interval_low and interval_high (m x dv, float64), indistinguishable (m, bool;
/// left out where no mean is released), and the privacy record in headers.
/// </summary>
internal static class NpzAnswers
{
    public const string MediaType = "application/x-npz";

    private const int MostMembers = 16;

    /// <summary>The answers, or null when this is not exactly that.</summary>
    /// <param name="reply">The reply.</param>
    /// <param name="count">m.</param>
    public static AttendResponse? TryRead(Reply reply, int count)
    {
        try
        {
            using var archive = new ZipArchive(new MemoryStream(reply.Body.Array!, reply.Body.Offset, reply.Body.Count, writable: false), ZipArchiveMode.Read);
            if (archive.Entries.Count > MostMembers || ReadPrivacy(reply.Headers) is not { } privacy || Number(reply.Headers, "Privacy-Kernel-Error-Bound") is not { } kernel)
                return null;
            var outputs = Read(archive, "outputs", count, columns: null, reply.Body.Count);
            if (outputs is null)
                return null;
            var columns = outputs[0].Length;
            var deviations = Read(archive, "noise_deviations", count, columns, reply.Body.Count);
            var low = Read(archive, "interval_low", count, columns, reply.Body.Count);
            var high = Read(archive, "interval_high", count, columns, reply.Body.Count);
            if (!TryReadMarks(archive, count, out var marks) || deviations is null || low is null || high is null || !IsFinite(outputs) || !IsFinite(low) || !IsFinite(high))
                return null;
            return new AttendResponse
            {
                Outputs = outputs,
                NoiseDeviations = Array.ConvertAll(deviations, row => Array.ConvertAll(row, x => double.IsFinite(x) ? (double?)x : null)),
                IntervalLow = low,
                IntervalHigh = high,
                KernelErrorBound = kernel,
                IndistinguishableFromMean = marks,
                SlotsCovered = Whole(reply.Headers, "Privacy-Slots-Covered"),
                Blocks = Whole(reply.Headers, "Privacy-Blocks-From") is { } from && Whole(reply.Headers, "Privacy-Blocks-To") is { } to ? new BlockRange(from, to) : null,
                Privacy = privacy,
            };
        }
        catch (Exception e) when (e is InvalidDataException or NotSupportedException or EndOfStreamException or ArgumentException)
        {
            return null;
        }
    }

    private static double[][]? Read(ZipArchive archive, string member, int rows, int? columns, int bodyBytes)
    {
        if (archive.GetEntry(member + ".npy") is not { } entry)
            return null;
        using var stream = entry.Open();
        if (NpyReading.ReadShape(stream, "<f8") is not [var n, var width] || n != rows || width < 1 || width != (columns ?? width) || (long)rows * width * sizeof(double) > bodyBytes)
            return null; // stored, not deflated: an array is never longer than the body, whatever it announces
        var matrix = new double[rows][];
        for (var i = 0; i < rows; i++)
            NpyReading.Read(stream, matrix[i] = new double[width]);
        return stream.ReadByte() < 0 ? matrix : null;
    }

    private static bool IsFinite(double[][] matrix) => Array.TrueForAll(matrix, row => Array.TrueForAll(row, double.IsFinite));

    /// <summary>The marks, or null where no mean is released.</summary>
    private static bool TryReadMarks(ZipArchive archive, int count, out bool[]? marks)
    {
        marks = null;
        if (archive.GetEntry("indistinguishable.npy") is not { } entry)
            return true;
        using var stream = entry.Open();
        if (NpyReading.ReadShape(stream, "|b1") is not [var n] || n != count)
            return false;
        var bytes = new byte[count];
        stream.ReadExactly(bytes);
        marks = Array.ConvertAll(bytes, b => b != 0);
        return stream.ReadByte() < 0;
    }

    private static PrivacyRecord? ReadPrivacy(HttpResponseHeaders headers) =>
        int.TryParse(Text(headers, "Privacy-Tier"), NumberStyles.None, CultureInfo.InvariantCulture, out var tier)
            && Number(headers, "Privacy-Tier-Epsilon") is { } tierEpsilon && Number(headers, "Privacy-Delta") is { } delta && Number(headers, "Privacy-Epsilon-Charged") is { } charged
            && Number(headers, "Privacy-Epsilon-Spent") is { } spent && Number(headers, "Privacy-Epsilon-Remaining") is { } remaining
            ? new PrivacyRecord(
                tier, tierEpsilon, delta, charged, spent, remaining, Text(headers, "Idempotency-Replayed") == "true",
                Text(headers, "Privacy-Release") is { } release ? Internal.Text.WithoutControls(release) : null,
                Whole(headers, "Privacy-About-More"))
            : null;

    private static long? Whole(HttpResponseHeaders headers, string name) =>
        long.TryParse(Text(headers, name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static double? Number(HttpResponseHeaders headers, string name) =>
        double.TryParse(Text(headers, name), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;

    private static string? Text(HttpResponseHeaders headers, string name) => headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;
}
