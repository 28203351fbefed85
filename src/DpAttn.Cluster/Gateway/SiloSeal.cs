using System.Security.Cryptography;
using System.Text;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>
/// What calls between silos carry, and nobody else has: a secret of the database, wrapped with the silos' keys. Who sends a message is told by the message itself, and a client of a gateway could
/// say that it is a silo; it cannot say this.
/// </summary>
internal sealed class SiloSeal(ICatalog catalog, SecretProtector protector)
{
    private const string Header = "dpattn.seal";

    private Task<string>? _seal;

    /// <summary>The seal that the current flow carries.</summary>
    public static string? Carried => RequestContext.Get(Header) as string;

    /// <summary>Marks the calls of the current flow.</summary>
    public static void Put(string seal) => RequestContext.Set(Header, seal);

    /// <summary>Lets the current flow carry it no further: what is called from here is sealed anew, or is a client's.</summary>
    public static void Remove() => RequestContext.Remove(Header);

    /// <summary>The seal of this database.</summary>
    public ValueTask<string> GetAsync() => _seal is { IsCompletedSuccessfully: true } known ? new(known.Result) : new(LoadAsync());

    /// <summary>Whether it is the seal of this database, compared in constant time.</summary>
    public async ValueTask<bool> IsAsync(string? seal)
    {
        if (seal is null)
            return false;
        var own = await GetAsync();
        return CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(seal), Encoding.ASCII.GetBytes(own));
    }

    private async Task<string> LoadAsync()
    {
        // A failure is not remembered.
        if (_seal is null or { IsFaulted: true } or { IsCanceled: true })
            _seal = Task.Run(async () => Convert.ToHexStringLower((await WrappedKey.LoadOrCreateAsync(catalog, protector, "silo-seal")).Derive("seal")));
        return await _seal;
    }
}
