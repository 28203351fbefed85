namespace DpAttn.Gateway;

/// <summary>Where the certificates of mutual TLS are, and by which names they say what their holder is.</summary>
internal sealed record LinkFiles
{
    /// <summary>The name in the certificates of silos, unless another is stated.</summary>
    public const string DefaultSiloName = "silo.dpattn";

    /// <summary>The name in the certificates of fronts, unless another is stated.</summary>
    public const string DefaultFrontName = "front.dpattn";

    /// <summary>PEM file of this process's certificate, and of those between it and the authority's.</summary>
    public required string Certificate { get; init; }

    /// <summary>PEM file of its key; empty where that stands in <see cref="Certificate"/>.</summary>
    public string Key { get; init; } = "";

    /// <summary>PEM file of the authority's certificates.</summary>
    public required string Authority { get; init; }

    /// <summary>The DNS name that the certificate of a silo has.</summary>
    public string SiloName { get; init; } = DefaultSiloName;

    /// <summary>The DNS name that the certificate of a front has.</summary>
    public string FrontName { get; init; } = DefaultFrontName;

    /// <summary>The name of a role.</summary>
    public string NameOf(LinkRole role) => role == LinkRole.Silo ? SiloName : FrontName;
}
