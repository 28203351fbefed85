namespace DpAttn.Gateway;

/// <summary>What a process is to the others of its cluster.</summary>
internal enum LinkRole
{
    /// <summary>It holds stores: it may reach the port of silos, and others reach it.</summary>
    Silo,

    /// <summary>It carries what users ask: it may reach gateways, and nobody reaches it.</summary>
    Front,
}
