namespace DpAttn.Storage;

/// <summary>The digests of a witness's rows, the same wherever it is kept.</summary>
internal static class WitnessDigest
{
    public static RowDigest Of(WitnessIdentity identity)
    {
        var digest = new RowDigest("witness_identity");
        digest.Add(identity.Witness);
        digest.Add(identity.Database);
        return digest;
    }

    public static RowDigest Of(WitnessMark mark)
    {
        var digest = new RowDigest("witness_mark");
        digest.Add(mark.Store.Value);
        digest.Add(mark.AccountName);
        digest.Add(mark.Version);
        digest.Add(mark.Spent);
        digest.Add(mark.Mac.Span);
        return digest;
    }
}
