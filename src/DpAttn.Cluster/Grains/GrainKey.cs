using DpAttn.Privacy;

namespace DpAttn.Cluster;

/// <summary>Keys of grains below a store: incarnation/rest. They carry ids, never names.</summary>
internal static class GrainKey
{
    public static string Of(StoreId store, string rest) => $"{store}/{rest}";

    public static string Shard(StoreId store, int shard) => Of(store, shard.ToString("D4"));

    public static (StoreId Store, string Below) Parse(string key)
    {
        var slash = key.IndexOf('/');
        return slash > 0 && slash < key.Length - 1
            ? (new StoreId(key[..slash]), key[(slash + 1)..])
            : throw new ArgumentException("a grain key below a store is incarnation/rest", nameof(key));
    }
}
