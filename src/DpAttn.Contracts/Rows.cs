namespace DpAttn.Contracts;

/// <summary>One row in a JSON-lines body. Under add-remove a line of {} is a null slot.</summary>
/// <param name="Key">d numbers.</param>
/// <param name="Value">dv numbers.</param>
public sealed record RowLine(IReadOnlyList<double>? Key = null, IReadOnlyList<double>? Value = null);

/// <summary>A batch was stored.</summary>
/// <param name="Batch">The batch id.</param>
/// <param name="FirstSlot">The first slot it occupies.</param>
/// <param name="Slots">How many slots.</param>
/// <param name="Replayed">The same batch was stored before; nothing was added.</param>
public sealed record AppendResult(string Batch, long FirstSlot, int Slots, bool Replayed);
