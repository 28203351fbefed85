using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Text;
using DpAttn.Contracts;

namespace DpAttn.Client.Tests;

/// <summary>Answers as the server's .npz, written byte by byte.</summary>
internal static class NpzReply
{
    public static HttpResponseMessage Of(AttendResponse answers, string? leaveOut = null, string? leaveOutHeader = null, Func<string, byte[], byte[]>? change = null)
    {
        using var body = new MemoryStream();
        using (var archive = new ZipArchive(body, ZipArchiveMode.Create, leaveOpen: true))
        {
            void Member(string name, byte[] content)
            {
                if (name == leaveOut)
                    return;
                using var stream = archive.CreateEntry(name + ".npy", CompressionLevel.NoCompression).Open();
                stream.Write(change is null ? content : change(name, content));
            }
            Member("outputs", Numbers(answers.Outputs, x => x));
            Member("noise_deviations", Numbers(answers.NoiseDeviations, x => x ?? double.PositiveInfinity));
            Member("interval_low", Numbers(answers.IntervalLow, x => x));
            Member("interval_high", Numbers(answers.IntervalHigh, x => x));
            if (answers.IndistinguishableFromMean is { } marks)
                Member("indistinguishable", Npy($"{{'descr': '|b1', 'fortran_order': False, 'shape': ({marks.Count},), }}", [.. marks.Select(x => (byte)(x ? 1 : 0))]));
        }
        var response = Replies.Body(body.ToArray(), "application/x-npz", HttpStatusCode.OK);
        void Header(string name, object? value)
        {
            if (name != leaveOutHeader && value is not null)
                response.Headers.TryAddWithoutValidation(name, string.Format(CultureInfo.InvariantCulture, "{0}", value));
        }
        Header("Privacy-Release", answers.Privacy.Release);
        Header("Privacy-About-More", answers.Privacy.AboutMore);
        Header("Privacy-Tier", answers.Privacy.Tier);
        Header("Privacy-Tier-Epsilon", answers.Privacy.TierEpsilon);
        Header("Privacy-Delta", answers.Privacy.Delta);
        Header("Privacy-Epsilon-Charged", answers.Privacy.Charged);
        Header("Privacy-Epsilon-Spent", answers.Privacy.Spent);
        Header("Privacy-Epsilon-Remaining", answers.Privacy.Remaining);
        Header("Privacy-Kernel-Error-Bound", answers.KernelErrorBound);
        Header("Privacy-Slots-Covered", answers.SlotsCovered);
        Header("Privacy-Blocks-From", answers.Blocks?.From);
        Header("Privacy-Blocks-To", answers.Blocks?.To);
        if (answers.Privacy.Replayed)
            Header("Idempotency-Replayed", "true");
        return response;
    }

    public static byte[] Npy(string header, byte[] data)
    {
        var padded = header.PadRight(117) + "\n";
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)padded.Length, 0, .. Encoding.ASCII.GetBytes(padded), .. data];
    }

    private static byte[] Numbers<T>(IReadOnlyList<IReadOnlyList<T>> rows, Func<T, double> number) =>
        Npy($"{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows.Count}, {rows[0].Count}), }}", [.. rows.SelectMany(row => row).SelectMany(x => BitConverter.GetBytes(number(x)))]);
}
