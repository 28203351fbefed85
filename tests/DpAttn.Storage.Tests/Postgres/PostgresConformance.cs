using DpAttn.Storage.Tests.Conformance;

namespace DpAttn.Storage.Tests.Postgres;

public sealed class PostgresLedgerConformance : LedgerConformance
{
    private protected override async Task<IStorageUnderTest> CreateAsync() => await PostgresUnderTest.CreateAsync();
}

public sealed class PostgresLedgerModelConformance : LedgerModelConformance
{
    private protected override async Task<IStorageUnderTest> CreateAsync() => await PostgresUnderTest.CreateAsync();
}

public sealed class PostgresLedgerHistoryConformance : LedgerHistoryConformance
{
    private protected override async Task<IStorageUnderTest> CreateAsync() => await PostgresUnderTest.CreateAsync();
}

public sealed class PostgresSegmentStoreConformance : SegmentStoreConformance
{
    private protected override async Task<IStorageUnderTest> CreateAsync() => await PostgresUnderTest.CreateAsync();
}

public sealed class PostgresCatalogConformance : CatalogConformance
{
    private protected override async Task<IStorageUnderTest> CreateAsync() => await PostgresUnderTest.CreateAsync();
}

public sealed class PostgresSecretsConformance : WrappedKeyConformance
{
    private protected override async Task<IStorageUnderTest> CreateAsync() => await PostgresUnderTest.CreateAsync();
}
