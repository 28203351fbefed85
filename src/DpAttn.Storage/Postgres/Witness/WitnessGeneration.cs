namespace DpAttn.Storage;

/// <summary>A witness that was begun, and its number among those of one place.</summary>
/// <param name="Generation">Counts from 1.</param>
/// <param name="Identity">Which witness, of which database; null when the row is damaged.</param>
internal sealed record WitnessGeneration(long Generation, WitnessIdentity? Identity);
