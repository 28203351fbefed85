using DpAttn.Attention;

namespace DpAttn.Cli.Bench;

/// <summary>Rows and queries, and what exact attention says about them.</summary>
internal sealed class Workload
{
    private Workload(string name, StoreSchema schema, Matrix<double> keys, Matrix<double> values, Matrix<double> queries, int threads)
    {
        (Name, Schema, Values, Queries) = (name, schema, values, queries);
        Rows = RowSet.Create(keys, values);
        RowCheck.Require(schema, Rows);
        PerQueryPlan.RequireWithin(schema.Queries, queries);
        Exact = new ExactAttention<double>(keys, values, schema.Scale);
        Truth = Exact.Attend(queries, threads);
        var mean = Exact.MeanValue();
        var squares = 0.0;
        for (var q = 0; q < queries.Rows; q++)
        {
            for (var j = 0; j < mean.Length; j++)
                squares += (Truth[q, j] - mean[j]) * (Truth[q, j] - mean[j]);
        }
        SignalRms = Math.Sqrt(squares / Truth.Data.Length);
    }

    public string Name { get; }

    public StoreSchema Schema { get; }

    public RowSet Rows { get; }

    public Matrix<double> Values { get; }

    public Matrix<double> Queries { get; }

    public ExactAttention<double> Exact { get; }

    /// <summary>Exact attention: a row per query.</summary>
    public Matrix<double> Truth { get; }

    /// <summary>Root mean square of exact attention minus the mean value: what there is to be learnt from the queries.</summary>
    public double SignalRms { get; }

    /// <exception cref="RowRejectedException">A row breaks the bounds.</exception>
    /// <exception cref="QueryRejectedException">A query does.</exception>
    /// <exception cref="DataFaultException">Exact attention leaves double precision.</exception>
    public static Workload Create(string name, StoreSchema schema, Matrix<double> keys, Matrix<double> values, Matrix<double> queries, int threads)
    {
        try
        {
            return new Workload(name, schema, keys, values, queries, threads);
        }
        catch (ArgumentException e) when (e is not (RowRejectedException or QueryRejectedException))
        {
            throw new DataFaultException($"exact attention, which the answers are compared with, refuses these rows and queries: {FaultText.Line(e.Message)}");
        }
    }
}
