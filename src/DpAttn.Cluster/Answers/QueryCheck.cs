using DpAttn.Attention;
using DpAttn.Contracts;

namespace DpAttn.Cluster;

/// <summary>
/// The check of queries before anything can be charged for them. Answering checks them again, on the very numbers that it answers.
/// </summary>
internal static class QueryCheck
{
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

    private static ProblemException Invalid(string why) => new(ProblemCodes.InvalidRequest, why);
}
