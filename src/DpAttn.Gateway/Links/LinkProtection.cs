namespace DpAttn.Gateway;

/// <summary>How the processes of a cluster speak to each other.</summary>
internal enum LinkProtection
{
    /// <summary>Plain, and over loopback only.</summary>
    Loopback,

    /// <summary>Mutual TLS: both ends prove what they are.</summary>
    Mutual,

    /// <summary>Plain, wherever the other end is.</summary>
    None,
}
