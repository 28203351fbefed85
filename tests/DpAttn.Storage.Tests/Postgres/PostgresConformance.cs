using DpAttn.Storage.Tests.Conformance;

namespace DpAttn.Storage.Tests.Postgres;

public sealed class PostgresLedgerChargeConformance : LedgerChargeConformance
{
    private protected override async Task<IStorageUnderTest> CreateAsync() => await PostgresUnderTest.CreateAsync();
}

public sealed class PostgresLedgerTierConformance : LedgerTierConformance
{
    private protected override async Task<IStorageUnderTest> CreateAsync() => await PostgresUnderTest.CreateAsync();
}

public sealed class PostgresLedgerLimitConformance : LedgerLimitConformance
{
    private protected override async Task<IStorageUnderTest> CreateAsync() => await PostgresUnderTest.CreateAsync();
}

public sealed class PostgresLedgerReadingConformance : LedgerReadingConformance
{
    private protected override async Task<IStorageUnderTest> CreateAsync() => await PostgresUnderTest.CreateAsync();
}

public sealed class PostgresLedgerRaceConformance : LedgerRaceConformance
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
