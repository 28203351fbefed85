namespace DpAttn.Server;

/// <summary>What a process is made of, by its role.</summary>
internal static class ServerRoles
{
    /// <summary>Adds what the role needs, a front door among it.</summary>
    /// <param name="builder">The server's builder.</param>
    /// <param name="options">Its settings.</param>
    /// <param name="showOperatorKey">Told the first operator key, where this process makes it. Default: standard output.</param>
    public static void Add(WebApplicationBuilder builder, ServerOptions options, Action<string>? showOperatorKey = null)
    {
        if (options.Clustering == ServerOptions.ClusteringNone)
            EmbeddedCluster.Add(builder, options, showOperatorKey);
        else if (options.IsSilo)
            ClusteredSilo.Add(builder, options, showOperatorKey);
        else
            RemoteFront.Add(builder, options);
    }
}
