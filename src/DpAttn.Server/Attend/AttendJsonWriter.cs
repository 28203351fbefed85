using System.Buffers;
using System.Globalization;
using System.Text.Json;
using DpAttn.Attention;
using DpAttn.Cluster;
using DpAttn.Contracts;

namespace DpAttn.Server.Attend;

/// <summary>
/// Writes an <see cref="AttendResponse"/> without building one. Numbers are the shortest that read back as the same double, so that
/// the same answer is always the same bytes.
/// </summary>
internal static class AttendJsonWriter
{
    // A comma follows.
    private const int NumberBytes = ShortestDouble.LongestBytes + 1;

    public static void Write(IBufferWriter<byte> output, AttendResult result)
    {
        var (answers, privacy) = (result.Answers, result.Privacy);
        var kernelErrorBound = AttendFigures.KernelErrorBound(result);
        if (!double.IsFinite(kernelErrorBound + privacy.TierEpsilon + privacy.Delta + privacy.Charged + privacy.Spent + privacy.Remaining))
            throw new InvalidOperationException("a figure of the privacy record is not finite");
        Raw(output, "{\"outputs\":"u8);
        Rows(output, answers, static answer => answer.Output);
        Raw(output, ",\"noiseDeviations\":"u8);
        Rows(output, answers, static answer => answer.NoiseDeviation);
        Raw(output, ",\"intervalLow\":"u8);
        Ends(output, answers, isLow: true);
        Raw(output, ",\"intervalHigh\":"u8);
        Ends(output, answers, isLow: false);
        Raw(output, ",\"kernelErrorBound\":"u8);
        Number(output, kernelErrorBound);
        if (AttendFigures.HasMean(result))
            Flags(output, answers);
        if (result.SlotsCovered is { } slots)
        {
            Raw(output, ",\"slotsCovered\":"u8);
            Whole(output, slots);
        }
        if (result.Blocks is { } blocks)
        {
            Raw(output, ",\"blocks\":{\"from\":"u8);
            Whole(output, blocks.From);
            Raw(output, ",\"to\":"u8);
            Whole(output, blocks.To);
            Raw(output, "}"u8);
        }
        Raw(output, ",\"privacy\":"u8);
        Privacy(output, privacy);
        Raw(output, "}"u8);
    }

    private static void Rows(IBufferWriter<byte> output, IReadOnlyList<AttentionAnswer> answers, Func<AttentionAnswer, double[]> select)
    {
        for (var i = 0; i < answers.Count; i++)
        {
            var numbers = select(answers[i]);
            var span = output.GetSpan(numbers.Length * NumberBytes + 4);
            var at = 0;
            span[at++] = i == 0 ? (byte)'[' : (byte)',';
            span[at++] = (byte)'[';
            foreach (var number in numbers)
                at += Format(number, span[at..]);
            Close(output, span, at, numbers.Length, i == answers.Count - 1);
        }
    }

    private static void Ends(IBufferWriter<byte> output, IReadOnlyList<AttentionAnswer> answers, bool isLow)
    {
        for (var i = 0; i < answers.Count; i++)
        {
            var intervals = answers[i].Intervals;
            var span = output.GetSpan(intervals.Length * NumberBytes + 4);
            var at = 0;
            span[at++] = i == 0 ? (byte)'[' : (byte)',';
            span[at++] = (byte)'[';
            foreach (ref readonly var interval in intervals.AsSpan())
                at += Format(isLow ? interval.Low : interval.High, span[at..]);
            Close(output, span, at, intervals.Length, i == answers.Count - 1);
        }
    }

    /// <summary>Ends a row, whose last comma becomes its bracket.</summary>
    private static void Close(IBufferWriter<byte> output, Span<byte> span, int at, int count, bool isLast)
    {
        if (count > 0)
            at--;
        span[at++] = (byte)']';
        if (isLast)
            span[at++] = (byte)']';
        output.Advance(at);
    }

    /// <summary>A number and a comma; null for a deviation that nothing bounds.</summary>
    private static int Format(double number, Span<byte> span)
    {
        if (!double.IsFinite(number))
        {
            "null,"u8.CopyTo(span);
            return 5;
        }
        var written = ShortestDouble.Write(number, span);
        span[written] = (byte)',';
        return written + 1;
    }

    private static void Flags(IBufferWriter<byte> output, IReadOnlyList<AttentionAnswer> answers)
    {
        Raw(output, ",\"indistinguishableFromMean\":["u8);
        for (var i = 0; i < answers.Count; i++)
        {
            if (i > 0)
                Raw(output, ","u8);
            Raw(output, answers[i].IsIndistinguishableFromMean == true ? "true"u8 : "false"u8);
        }
        Raw(output, "]"u8);
    }

    private static void Privacy(IBufferWriter<byte> output, PrivacyRecord privacy)
    {
        Raw(output, "{\"tier\":"u8);
        Number(output, privacy.Tier);
        Raw(output, ",\"tierEpsilon\":"u8);
        Number(output, privacy.TierEpsilon);
        Raw(output, ",\"delta\":"u8);
        Number(output, privacy.Delta);
        Raw(output, ",\"charged\":"u8);
        Number(output, privacy.Charged);
        Raw(output, ",\"spent\":"u8);
        Number(output, privacy.Spent);
        Raw(output, ",\"remaining\":"u8);
        Number(output, privacy.Remaining);
        Raw(output, privacy.Replayed ? ",\"replayed\":true"u8 : ",\"replayed\":false"u8);
        if (privacy.Release is { } release)
        {
            Raw(output, ",\"release\":\""u8);
            Raw(output, JsonEncodedText.Encode(release).EncodedUtf8Bytes);
            Raw(output, "\""u8);
        }
        if (privacy.AboutMore is { } more)
        {
            Raw(output, ",\"aboutMore\":"u8);
            Whole(output, more);
        }
        Raw(output, "}"u8);
    }

    private static void Number(IBufferWriter<byte> output, double number)
    {
        output.Advance(ShortestDouble.Write(number, output.GetSpan(NumberBytes)));
    }

    private static void Whole(IBufferWriter<byte> output, long number)
    {
        number.TryFormat(output.GetSpan(NumberBytes), out var written, default, CultureInfo.InvariantCulture);
        output.Advance(written);
    }

    private static void Raw(IBufferWriter<byte> output, ReadOnlySpan<byte> text) => output.Write(text);
}
