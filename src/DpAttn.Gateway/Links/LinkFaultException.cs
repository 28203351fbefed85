namespace DpAttn.Gateway;

/// <summary>Certificates that cannot be used.</summary>
internal sealed class LinkFaultException(LinkFault fault) : Exception($"{fault.Setting}: {fault.Text}")
{
    /// <summary>What is wrong, and with which file.</summary>
    public LinkFault Fault { get; } = fault;
}
