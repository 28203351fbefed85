namespace DpAttn.Server;

/// <summary>A setting whose value is never repeated: not in faults, and not in logs.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class SecretAttribute : Attribute;
