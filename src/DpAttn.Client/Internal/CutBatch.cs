namespace DpAttn.Client.Internal;

/// <summary>A batch of a streamed upload.</summary>
/// <param name="Number">Counted from 0.</param>
/// <param name="Rows">n.</param>
/// <param name="Keys">n x d.</param>
/// <param name="Values">n x dv.</param>
internal sealed record CutBatch(int Number, int Rows, ReadOnlyMemory<float> Keys, ReadOnlyMemory<float> Values);
