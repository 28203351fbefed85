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

    public long KeyBytes => (long)Rows * KeyColumns * (KeysAreDouble ? sizeof(double) : sizeof(float));

    public long ValueBytes => (long)Rows * ValueColumns * (ValuesAreDouble ? sizeof(double) : sizeof(float));

    /// <summary>Of all of it; beyond any array where a part alone is.</summary>
    public long Bytes => KeyBytes < 0 || ValueBytes < 0 || KeyBytes > Array.MaxLength || ValueBytes > Array.MaxLength ? long.MaxValue : KeyBytes + ValueBytes + (HasNulls ? Rows : 0);
}
