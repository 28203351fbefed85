namespace DpAttn.Storage.Tests.Histories;

/// <summary>
/// Whether calls that overlapped can be put in an order in which the ledger in memory says the same, one after another: each within the time between its beginning and its
/// end (Herlihy, Wing 1990). Searched exhaustively; histories are short.
/// </summary>
internal static class Linearizability
{
    public static bool Holds(History history, IReadOnlyList<Call> calls)
    {
        // What failed changed nothing; of what nobody knows the outcome it may stand in the order, at any time after it began, or be left out.
        var certain = calls.Where(call => call.Told is not StorageException).ToArray();
        var unknown = calls.Where(call => call.Told is StorageOutcomeUnknownException).Select(call => call with { Ended = long.MaxValue }).ToArray();
        return Extend(history, [], [.. certain, .. unknown]);
    }

    private static bool Extend(History history, List<Operation> order, List<Call> left)
    {
        if (left.TrueForAll(call => call.Told is StorageException))
            return true;
        // Nothing that began after another ended can come before it.
        var firstEnd = left.Min(call => call.Ended);
        foreach (var call in left.Where(call => call.Began <= firstEnd).ToArray())
        {
            var model = history.Model();
            foreach (var operation in order)
                operation.Ask(model);
            var said = call.Operation.Ask(model);
            if (call.Told is not StorageException && !Equals(said, call.Told))
                continue;
            order.Add(call.Operation);
            if (Extend(history, order, [.. left.Where(other => other != call)]))
                return true;
            order.RemoveAt(order.Count - 1);
        }
        return false;
    }
}
