using System.IO.Compression;
using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Cluster;

namespace DpAttn.Server.Attend;

/// <summary>The figures of a batch of answers as arrays.</summary>
internal static class AttendFigures
{
    /// <summary>One bound that holds for every answer.</summary>
    public static double KernelErrorBound(AttendResult result)
    {
        var bound = 0.0;
        foreach (var answer in result.Answers)
            bound = Math.Max(bound, answer.KernelErrorBound);
        return bound;
    }

    /// <summary>Whether there is a released mean that the answers were compared to.</summary>
    public static bool HasMean(AttendResult result)
    {
        foreach (var answer in result.Answers)
        {
            if (answer.IsIndistinguishableFromMean is null)
                return false;
        }
        return true;
    }

    /// <summary>m x dv.</summary>
    public static Matrix<double> Table(AttendResult result, Func<AttentionAnswer, int, double> figure)
    {
        var columns = result.Answers[0].Output.Length;
        var table = new Matrix<double>(result.Answers.Count, columns);
        for (var i = 0; i < table.Rows; i++)
        {
            var row = table.Row(i);
            for (var j = 0; j < columns; j++)
                row[j] = figure(result.Answers[i], j);
        }
        return table;
    }

    /// <summary>The outputs as a .npy file.</summary>
    public static void WriteNpy(Stream stream, AttendResult result) => Npy.Write(stream, Table(result, static (answer, j) => answer.Output[j]));

    /// <summary>All figures as an .npz archive.</summary>
    public static void WriteNpz(Stream stream, AttendResult result)
    {
        using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        Member(archive, "outputs", Table(result, static (answer, j) => answer.Output[j]));
        Member(archive, "noise_deviations", Table(result, static (answer, j) => answer.NoiseDeviation[j]));
        Member(archive, "interval_low", Table(result, static (answer, j) => answer.Intervals[j].Low));
        Member(archive, "interval_high", Table(result, static (answer, j) => answer.Intervals[j].High));
        if (!HasMean(result))
            return;
        using var marks = Open(archive, "indistinguishable");
        NpyMarks.Write(marks, [.. result.Answers.Select(answer => answer.IsIndistinguishableFromMean == true)]);
    }

    private static void Member(ZipArchive archive, string name, Matrix<double> table)
    {
        using var content = Open(archive, name);
        Npy.Write(content, table);
    }

    private static Stream Open(ZipArchive archive, string name)
    {
        var entry = archive.CreateEntry(name + ".npy", CompressionLevel.NoCompression);
        // The same answer is always the same bytes.
        entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
        return entry.Open();
    }
}
