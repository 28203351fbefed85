namespace DpAttn.Privacy;

/// <summary>The random id of a store's incarnation; a store that is deleted and made anew has another.</summary>
public readonly record struct StoreId
{
    private readonly string? _value;

    /// <summary>An id.</summary>
    /// <exception cref="ArgumentException">Empty, too long, or with other characters.</exception>
    public StoreId(string value) => _value = Identifier.Require(value);

    /// <summary>The id itself.</summary>
    /// <exception cref="InvalidOperationException">On a default-constructed id.</exception>
    public string Value => _value ?? throw new InvalidOperationException("this id was never stated");

    /// <inheritdoc/>
    public override string ToString() => Value;
}
