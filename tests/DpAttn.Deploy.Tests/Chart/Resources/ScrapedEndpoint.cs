namespace DpAttn.Deploy.Tests.Chart;

/// <summary>A port of a service.</summary>
public sealed class ScrapedEndpoint
{
    public string Port { get; set; } = "";

    public string Path { get; set; } = "";

    public string Interval { get; set; } = "";
}
