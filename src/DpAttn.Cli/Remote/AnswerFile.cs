using DpAttn.Attention;
using DpAttn.Attention.IO;
using DpAttn.Contracts;

namespace DpAttn.Cli.Remote;

/// <summary>Writes answers: .npy of the outputs, or .npz with their error bars. A file under the real name is always whole.</summary>
internal static class AnswerFile
{
    public static void Write(string path, AttendResponse answers)
    {
        var outputs = ToMatrix(answers.Outputs, x => x);
        if (Path.GetExtension(path).Equals(".npy", StringComparison.OrdinalIgnoreCase))
        {
            Npy.Write(path, outputs);
            return;
        }
        var temporary = path + ".partial";
        using (var stream = File.Create(temporary))
        {
            Npz.Write(stream,
            [
                new("outputs", outputs),
                new("noise_deviations", ToMatrix(answers.NoiseDeviations, x => x ?? double.NaN)),
                new("interval_low", ToMatrix(answers.IntervalLow, x => x)),
                new("interval_high", ToMatrix(answers.IntervalHigh, x => x)),
            ]);
        }
        File.Move(temporary, path, overwrite: true);
    }

    private static FloatMatrix ToMatrix<T>(IReadOnlyList<IReadOnlyList<T>> rows, Func<T, double> number)
    {
        var matrix = new Matrix<double>(rows.Count, rows[0].Count);
        for (var i = 0; i < rows.Count; i++)
        {
            for (var j = 0; j < rows[i].Count; j++)
                matrix[i, j] = number(rows[i][j]);
        }
        return new FloatMatrix(matrix);
    }
}
