namespace DpAttn.Storage.Tests.Conformance;

/// <summary>A fresh storage of some kind, for the conformance suite.</summary>
public interface IStorageUnderTest : IAsyncDisposable
{
    IBudgetLedger Ledger { get; }

    ISegmentStore Segments { get; }

    ICatalog Catalog { get; }

    /// <summary>The same storage as another writer has it: another process's, where several may write; otherwise the same objects.</summary>
    (IBudgetLedger Ledger, ISegmentStore Segments, ICatalog Catalog) Other { get; }

    /// <summary>The clock that it writes times with.</summary>
    DateTimeOffset Now { get; set; }

    /// <summary>Closes and opens again.</summary>
    Task RestartAsync();
}
