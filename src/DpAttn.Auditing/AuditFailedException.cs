namespace DpAttn.Auditing;

/// <summary>An audit proved that a mechanism loses more than it claims.</summary>
public sealed class AuditFailedException(string message) : Exception(message);
