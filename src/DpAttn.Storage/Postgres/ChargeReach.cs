namespace DpAttn.Storage;

/// <summary>How far a transaction of charges reaches. What it cannot decide goes on to one that reaches farther.</summary>
internal enum ChargeReach
{
    /// <summary>The accounts' rows: what their slabs cover.</summary>
    Slabs,

    /// <summary>The stores' rows as well: new slabs, and tiers that raise a store's maximum.</summary>
    Store,

    /// <summary>And those of all who hold slabs, which are taken back: refuses only what exceeds a store's limit by what is spent.</summary>
    Everything,
}
