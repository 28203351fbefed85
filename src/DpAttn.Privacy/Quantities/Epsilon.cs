namespace DpAttn.Privacy;

/// <summary>
/// The epsilon of (epsilon, delta)-differential privacy, in nats: finite and not negative.
/// Zero is the epsilon of an account that has spent nothing.
/// </summary>
public readonly record struct Epsilon : IComparable<Epsilon>
{
    /// <summary>The largest epsilon that a limit, a tier or a request may state. Beyond it the promise is empty.</summary>
    public const double LargestBudget = 200;

    /// <summary>An epsilon as a result of accounting.</summary>
    /// <exception cref="ArgumentOutOfRangeException">NaN, infinite or negative.</exception>
    public Epsilon(double value)
    {
        if (!(value >= 0 && double.IsFinite(value)))
            throw new ArgumentOutOfRangeException(nameof(value), value, "epsilon must be a finite number of at least 0");
        Value = value;
    }

    /// <summary>An epsilon as a budget, limit or tier that somebody states: above 0 and at most <see cref="LargestBudget"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">NaN, not above 0, or above 200.</exception>
    public static Epsilon Budget(double value) =>
        value > 0 && value <= LargestBudget
            ? new Epsilon(value)
            : throw new ArgumentOutOfRangeException(nameof(value), value, $"epsilon must lie in (0, {LargestBudget}]");

    /// <summary>The number itself.</summary>
    public double Value { get; }

    /// <inheritdoc/>
    public int CompareTo(Epsilon other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("G15");
}
