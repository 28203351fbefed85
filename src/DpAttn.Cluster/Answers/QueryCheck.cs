using DpAttn.Attention;
using DpAttn.Contracts;
using DpAttn.Gateway;

namespace DpAttn.Cluster;

/// <summary>
/// The check of queries before anything can be charged for them. Answering checks them again, on the very numbers that it answers.
/// </summary>
internal static class QueryCheck
{
    /// <exception cref="ProblemException">too_large: more queries than are answered at once, or more answers than a client takes.</exception>
    public static void RequireSize(StoreSchema schema, int queries, ClusterOptions options)
    {
        RequireCount(queries, options);
        // Marks and slots count as if there were any: nobody pays for what cannot be brought.
        var bytes = AnswerContent.BytesOf(queries, schema.ValueDimension, hasMarks: true, hasSlots: true);
        if (bytes > GatewaySettings.MostBytes)
            throw TooLarge($"the answers would have {bytes} bytes; one request has at most {GatewaySettings.MostBytes}, so ask fewer queries at once");
    }

    /// <exception cref="ProblemException">too_large: more queries than are answered at once.</exception>
    public static void RequireCount(int queries, ClusterOptions options)
    {
        if (queries > options.MaxQueries)
            throw TooLarge($"the request has {queries} queries; at most {options.MaxQueries} are answered at once");
    }

    /// <exception cref="ProblemException">invalid_request: the first query that breaks the bounds, and which bound; never a number of it.</exception>
    public static void Require(StoreSchema schema, Matrix<double> queries, bool clip)
    {
        if (queries.Rows == 0)
            throw Invalid("there are no queries");
        if (queries.Columns != schema.KeyDimension)
            throw Invalid($"queries have {queries.Columns} numbers; the store's keys have {schema.KeyDimension}");
        var query = new double[queries.Columns];
        for (var i = 0; i < queries.Rows; i++)
        {
            queries.Row(i).CopyTo(query);
            var fault = schema.Queries.TryCentre(query, clip);
            if (fault.Kind != RegionFaultKind.None)
                throw Invalid($"query {i}: {schema.Queries.Describe(fault)}");
        }
    }

    private static ProblemException TooLarge(string why) => new(ProblemCodes.TooLarge, why);

    private static ProblemException Invalid(string why) => new(ProblemCodes.InvalidRequest, why);
}
