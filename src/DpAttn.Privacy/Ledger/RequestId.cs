namespace DpAttn.Privacy;

/// <summary>A request's id, unique within its account: 1 to 128 printable ASCII characters.</summary>
public readonly record struct RequestId
{
    private readonly string? _value;

    /// <summary>An id.</summary>
    /// <exception cref="ArgumentException">Empty, too long, or with other characters.</exception>
    public RequestId(string value) => _value = Identifier.Require(value);

    /// <summary>The id itself.</summary>
    /// <exception cref="InvalidOperationException">On a default-constructed id.</exception>
    public string Value => _value ?? throw new InvalidOperationException("this id was never stated");

    internal bool IsStated => _value is not null;

    /// <inheritdoc/>
    public override string ToString() => Value;
}
