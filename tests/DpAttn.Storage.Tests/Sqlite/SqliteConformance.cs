using DpAttn.Storage.Tests.Conformance;

namespace DpAttn.Storage.Tests.Sqlite;

public sealed class SqliteLedgerChargeConformance : LedgerChargeConformance
{
    private protected override Task<IStorageUnderTest> CreateAsync() => SqliteUnderTest.CreateAsync();
}

public sealed class SqliteLedgerTierConformance : LedgerTierConformance
{
    private protected override Task<IStorageUnderTest> CreateAsync() => SqliteUnderTest.CreateAsync();
}

public sealed class SqliteLedgerLimitConformance : LedgerLimitConformance
{
    private protected override Task<IStorageUnderTest> CreateAsync() => SqliteUnderTest.CreateAsync();
}

public sealed class SqliteLedgerReadingConformance : LedgerReadingConformance
{
    private protected override Task<IStorageUnderTest> CreateAsync() => SqliteUnderTest.CreateAsync();
}

public sealed class SqliteLedgerRaceConformance : LedgerRaceConformance
{
    private protected override Task<IStorageUnderTest> CreateAsync() => SqliteUnderTest.CreateAsync();
}

public sealed class SqliteLedgerModelConformance : LedgerModelConformance
{
    private protected override Task<IStorageUnderTest> CreateAsync() => SqliteUnderTest.CreateAsync();
}

public sealed class SqliteLedgerHistoryConformance : LedgerHistoryConformance
{
    private protected override Task<IStorageUnderTest> CreateAsync() => SqliteUnderTest.CreateAsync();
}

public sealed class SqliteSegmentStoreConformance : SegmentStoreConformance
{
    private protected override Task<IStorageUnderTest> CreateAsync() => SqliteUnderTest.CreateAsync();
}

public sealed class SqliteCatalogConformance : CatalogConformance
{
    private protected override Task<IStorageUnderTest> CreateAsync() => SqliteUnderTest.CreateAsync();
}

public sealed class SqliteSecretsConformance : WrappedKeyConformance
{
    private protected override Task<IStorageUnderTest> CreateAsync() => SqliteUnderTest.CreateAsync();
}
