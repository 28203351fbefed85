using DpAttn.Attention;
using DpAttn.Attention.IO;

namespace DpAttn.Cli.Demo;

/// <summary>The rows, queries and labels that a demo runs on.</summary>
internal sealed record DemoData(FloatMatrix Keys, FloatMatrix Values, Matrix<double> Queries, int[]? Labels, bool IsMade)
{
    /// <summary>The radius of made keys and values.</summary>
    public const double MadeRadius = 1;

    private const int MostOwnQueries = 1000;
    private const int MadeQueries = 1000;
    private const int ProgressRows = 1000;

    /// <summary>The user's own files.</summary>
    /// <exception cref="DataFaultException">Files that do not fit together.</exception>
    public static DemoData Load(string keysPath, string valuesPath, string? queriesPath, string? labelsPath)
    {
        var keys = Npy.ReadMatrix(keysPath);
        var values = Npy.ReadMatrix(valuesPath);
        if (keys.Rows != values.Rows)
            throw new DataFaultException($"{Path.GetFileName(keysPath)} has {keys.Rows} rows and {Path.GetFileName(valuesPath)} {values.Rows}: every row needs a key and a value");
        if (keys.Rows == 0 || keys.Columns == 0 || values.Columns == 0)
            throw new DataFaultException($"{Path.GetFileName(keysPath)} is {keys.Rows} x {keys.Columns} and {Path.GetFileName(valuesPath)} {values.Rows} x {values.Columns}: a store needs at least one row and one column of each");
        var queries = queriesPath is null ? OwnKeys(keys) : Npy.ReadMatrix(queriesPath).ToDouble();
        if (queries.Columns != keys.Columns)
            throw new DataFaultException($"{Path.GetFileName(queriesPath)} has {queries.Columns} columns, the keys {keys.Columns}");
        if (queries.Rows == 0)
            throw new DataFaultException($"{Path.GetFileName(queriesPath)} has no rows");
        if (labelsPath is null)
            return new DemoData(keys, values, queries, null, IsMade: false);
        var labels = Npy.ReadLabels(labelsPath);
        if (labels.Length != queries.Rows)
            throw new DataFaultException($"{Path.GetFileName(labelsPath)} has {labels.Length} labels for {queries.Rows} queries");
        var wrong = Array.FindIndex(labels, label => label < 0 || label >= values.Columns);
        if (wrong >= 0)
            throw new DataFaultException($"{Path.GetFileName(labelsPath)}: label number {wrong} lies outside 0 to {values.Columns - 1}, the columns of the one-hot values");
        return new DemoData(keys, values, queries, labels, IsMade: false);
    }

    /// <summary>Clustered unit vectors whose value is the one-hot class of their cluster. Nothing private depends on this generator.</summary>
    public static DemoData Make(int rows, int keyDimension, int valueDimension, IProgress<long>? progress = null)
    {
        var random = new Random(20240714);
        var centres = new double[valueDimension][];
        for (var c = 0; c < centres.Length; c++)
        {
            centres[c] = Gaussians(random, keyDimension);
            Normalise(centres[c]);
        }
        var keys = new Matrix<float>(rows, keyDimension);
        var values = new Matrix<float>(rows, valueDimension);
        for (var i = 0; i < rows; i++)
        {
            var cluster = random.Next(valueDimension);
            var key = Member(random, centres[cluster]);
            for (var j = 0; j < keyDimension; j++)
                keys[i, j] = (float)key[j];
            values[i, cluster] = 1;
            if (i % ProgressRows == ProgressRows - 1)
                progress?.Report(ProgressRows);
        }
        var asked = new Matrix<double>(MadeQueries, keyDimension);
        var labels = new int[MadeQueries];
        for (var i = 0; i < MadeQueries; i++)
        {
            labels[i] = random.Next(valueDimension);
            Member(random, centres[labels[i]]).CopyTo(asked.Row(i));
        }
        return new DemoData(new FloatMatrix(keys), new FloatMatrix(values), asked, labels, IsMade: true);
    }

    private static Matrix<double> OwnKeys(FloatMatrix keys)
    {
        var all = keys.Rows <= MostOwnQueries ? keys.Rows : MostOwnQueries;
        var queries = new Matrix<double>(all, keys.Columns);
        for (var i = 0; i < all; i++)
        {
            var row = (int)((long)i * keys.Rows / all);
            for (var j = 0; j < keys.Columns; j++)
                queries[i, j] = keys.Single is { } single ? single[row, j] : keys.Double![row, j];
        }
        return queries;
    }

    private static double[] Member(Random random, double[] centre)
    {
        const double Spread = 0.7;
        var member = Gaussians(random, centre.Length);
        for (var j = 0; j < member.Length; j++)
            member[j] = centre[j] + Spread / Math.Sqrt(centre.Length) * member[j];
        Normalise(member);
        return member;
    }

    private static double[] Gaussians(Random random, int count)
    {
        var numbers = new double[count];
        for (var j = 0; j < count; j++)
            numbers[j] = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        return numbers;
    }

    private static void Normalise(double[] vector)
    {
        var norm = Math.Sqrt(vector.Sum(x => x * x));
        for (var j = 0; j < vector.Length; j++)
            vector[j] /= norm;
    }
}
