namespace DpAttn.Client;

/// <summary>One private row.</summary>
/// <param name="Key">d numbers.</param>
/// <param name="Value">dv numbers.</param>
public readonly record struct Row(ReadOnlyMemory<float> Key, ReadOnlyMemory<float> Value);
