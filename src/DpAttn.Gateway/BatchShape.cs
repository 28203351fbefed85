namespace DpAttn.Gateway;

/// <summary>How a batch's bytes are to be read.</summary>
[GenerateSerializer, Immutable, Alias(GatewayNames.BatchShape)]
internal sealed record BatchShape(
    [property: Id(0)] int Rows,
    [property: Id(1)] int KeyColumns,
    [property: Id(2)] bool KeysAreDouble,
    [property: Id(3)] int ValueColumns,
    [property: Id(4)] bool ValuesAreDouble,
    [property: Id(5)] bool HasNulls)
{
    /// <summary>Whether it can be that of a batch.</summary>
    public bool IsPossible => Rows > 0 && KeyColumns > 0 && ValueColumns > 0;

    /// <summary>Of the keys; <see cref="long.MaxValue"/> where no array holds them.</summary>
    public long KeyBytes => Numbers.BytesOf(Rows, KeyColumns, KeysAreDouble ? sizeof(double) : sizeof(float));

    /// <summary>Of the values; <see cref="long.MaxValue"/> where no array holds them.</summary>
    public long ValueBytes => Numbers.BytesOf(Rows, ValueColumns, ValuesAreDouble ? sizeof(double) : sizeof(float));

    /// <summary>Of all of it; <see cref="long.MaxValue"/> where no array holds a part of it.</summary>
    public long Bytes => KeyBytes == long.MaxValue || ValueBytes == long.MaxValue ? long.MaxValue : KeyBytes + ValueBytes + (HasNulls ? Rows : 0);
}
