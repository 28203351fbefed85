using DpAttn.Attention;
using DpAttn.Cluster;
using DpAttn.Contracts;
using DpAttn.Storage;

namespace DpAttn.Server.Tests.Support;

/// <summary>What a cluster might answer.</summary>
internal static class Samples
{
    public static readonly DateTimeOffset At = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public static StoreDefinition Definition { get; } = new()
    {
        KeyDimension = 3,
        ValueDimension = 2,
        Keys = new RegionBound(Ball: new BallBound(1)),
        Values = new ValueBoundStatement(Radius: 1),
        Ladder = [0.5, 1, 2],
        Limit = 8,
        Capacity = 100_000,
    };

    public static ReleaseDescription Release { get; } = new()
    {
        Id = "rel-1",
        State = "published",
        Progress = 1,
        Slots = 10,
        Tiers = [new TierDescription(0, 0.5, 1e-6, 0.11)],
        Created = At,
    };

    public static StoreDescription Store { get; } = new()
    {
        Name = "s",
        Incarnation = "inc-1",
        State = "active",
        Definition = Definition,
        Slots = 10,
        Batches = 1,
        Releases = [Release],
    };

    public static BudgetDescription Budget { get; } = new()
    {
        Account = "acc-1",
        Delta = 1e-6,
        Limit = 2,
        Spent = 0.5,
        Remaining = 1.9,
        LimitUnits = 1000,
        SpentUnits = 100,
        Opened = [new OpenedTier("rel-1", 0)],
    };

    public static PrivacyRecord Privacy { get; } = new(0, 0.5, 1e-6, 0.25, 0.75, 1.5, false, "rel-1");

    public static PrivacyStatement Statement { get; } = new()
    {
        Store = "s",
        Incarnation = "inc-1",
        Release = "rel-1",
        Adjacency = "replace-one",
        Mechanism = new MechanismDefinition(),
        Definition = Definition,
        Delta = 1e-6,
        Sensitivity = 2.5,
        SensitivitySteps = "123456789012345678901234567890",
        FeatureExponent = 20,
        ValueExponent = 21,
        GammaSteps = 7,
        Features = 10,
        Dimension = 30,
        KernelCoefficients = [1, 1, 0.5],
        KernelRelativeError = 0.01,
        Tiers = [new TierStatement(0, 0.5, "10", "10", 12, 1)],
        GaussianShareOfDelta = 0.999,
        SamplerVersion = 1,
        Slots = 10,
        ManifestDigest = new string('a', 64),
        NotProtected = ["the row count"],
    };

    public static LedgerLine Line(long sequence) => new(sequence, At, "open", 100, 0.5, 1e-6, $"req-{sequence}", "rel-1", 0);

    public static AuditLine Audit(long sequence) => new(sequence, At, "key.create", "acc-1", null, "key-1", null);

    public static AttentionAnswer Answer(double[] output, double deviation = 0.125, bool? isMean = false) => new(
        output,
        [.. output.Select(_ => deviation)],
        [.. output.Select(x => new NoiseInterval(x - 0.25, x + 0.25, false))],
        0.03125,
        isMean);

    public static object? Default(string method) => method switch
    {
        nameof(IFrontDoor.CreateKeyAsync) => new KeyCreated("key-1", "dpk_new", "acc-2", Roles.User),
        nameof(IFrontDoor.ListKeysAsync) => new KeyList([new KeyDescription("key-1", "acc-2", Roles.User, At, null)]),
        nameof(IFrontDoor.EnsureStoreAsync) => (Store, true),
        nameof(IFrontDoor.GetStoreAsync) => Store,
        nameof(IFrontDoor.ListStoresAsync) => (IReadOnlyList<StoreDescription>)[Store],
        nameof(IFrontDoor.AppendAsync) => new AppendResult("b1", 0, 2, false),
        nameof(IFrontDoor.PublishAsync) or nameof(IFrontDoor.GetReleaseAsync) or nameof(IFrontDoor.CloseBlockAsync) => Release,
        nameof(IFrontDoor.ListReleasesAsync) => (IReadOnlyList<ReleaseDescription>)[Release],
        nameof(IFrontDoor.GetPrivacyStatementAsync) => Statement,
        nameof(IFrontDoor.AttendAsync) => new AttendResult([Answer([0.5, -0.25])], Privacy),
        nameof(IFrontDoor.EstimateAsync) => new EstimateResponse(10, [new EstimateLine(0.5, 1e-6, 0.1, 0.01, 0)]),
        nameof(IFrontDoor.GetMyBudgetAsync) or nameof(IFrontDoor.GetBudgetAsync) or nameof(IFrontDoor.SetBudgetAsync) => Budget,
        nameof(IFrontDoor.ListMyLedgerAsync) or nameof(IFrontDoor.ListLedgerAsync) => new LedgerPage([Line(1)], null),
        nameof(IFrontDoor.ListBudgetsAsync) or nameof(IFrontDoor.SetStoreBudgetAsync) => new StoreBudgets(1e-6, 8, 1, 7, [Budget], null),
        nameof(IFrontDoor.FindAccountAsync) => new AccountReference("acc-2"),
        nameof(IFrontDoor.ListAuditAsync) => new AuditPage([Audit(1)], null),
        nameof(IFrontDoor.ListLedgersAsync) => new LedgerList([new LedgerState("inc-1", "s")]),
        nameof(IFrontDoor.VerifyLedgerAsync) => new LedgerCheck("inc-1", 2, 7, [new LedgerFinding("behind", 1, "one book is behind")], "one book is behind"),
        nameof(IFrontDoor.AcknowledgeLedgersAsync) => new AcknowledgementResult([new AcknowledgedLedger("inc-1", "one book is behind", 2, 5)]),
        nameof(IFrontDoor.BackupAsync) => Backup(),
        _ => null,
    };

    private static StorageBackup Backup()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, "a copy");
        return StorageBackup.OfAsync(file, CancellationToken.None).GetAwaiter().GetResult();
    }
}
