namespace DpAttn.FaultTable;

/// <summary>A way in which the product could be wrong, and the tests that find it when it is planted.</summary>
/// <param name="Area">What it is a fault of.</param>
/// <param name="Name">The fault.</param>
/// <param name="Catches">At least one.</param>
public sealed record Fault(string Area, string Name, params IReadOnlyList<Catch> Catches);

/// <summary>A test with the fault planted, and its companion: the same check without it.</summary>
/// <param name="Test">Class.Method: the check fails here, and the test asserts that it does.</param>
/// <param name="Companion">Class.Method: the same check passes on the product; the test itself where it asserts both.</param>
public sealed record Catch(string Test, string Companion)
{
    /// <summary>A test that holds both sides.</summary>
    public Catch(string both) : this(both, both)
    {
    }
}
