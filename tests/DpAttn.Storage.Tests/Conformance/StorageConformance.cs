using DpAttn.Privacy;

namespace DpAttn.Storage.Tests.Conformance;

/// <summary>What every suite needs: a storage made for the test, and ids.</summary>
public abstract class StorageConformance : IAsyncLifetime
{
    private protected static readonly StoreId Store = new("store-1");
    private protected static readonly StoreId OtherStore = new("store-2");
    private protected static readonly AccountId Alice = new("alice");
    private protected static readonly AccountId Bob = new("bob");
    private protected static readonly ReleaseId Release = new("release-1");
    private protected static readonly PrivacyLimit Limit = new(new Epsilon(1), new Delta(1e-6));
    // Larger in both parts: at one delta, a larger epsilon leaves less slack.
    private protected static readonly PrivacyLimit Larger = new(new Epsilon(2), new Delta(1e-5));

    private protected IStorageUnderTest Storage { get; private set; } = null!;

    private protected IBudgetLedger Ledger => Storage.Ledger;

    private protected ISegmentStore Segments => Storage.Segments;

    private protected ICatalog Catalog => Storage.Catalog;

    /// <summary>Makes an empty storage.</summary>
    private protected abstract Task<IStorageUnderTest> CreateAsync();

    public async ValueTask InitializeAsync() => Storage = await CreateAsync();

    public async ValueTask DisposeAsync()
    {
        // None, when the test was skipped for want of a server.
        if (Storage is not null)
            await Storage.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected static RequestId Request(int number) => new($"request-{number}");

    private protected static RequestFingerprint Fingerprint(byte content) => RequestFingerprint.Of([content]);
}
