using DpAttn.Attention;
using DpAttn.Client;
using DpAttn.Contracts;
using DpAttn.Privacy;

namespace DpAttn.Testing;

/// <summary>One store of a fake client: rows, releases, and the product's own ledger.</summary>
internal sealed partial class FakeStore
{
    private static readonly AccountId Account = new("fake-account");
    private readonly Dictionary<string, (double[] Keys, double[] Values, int Rows, long FirstSlot)> _batches = [];
    private readonly List<FakeRelease> _releases = [];
    private readonly StoreSchema _schema;
    private readonly MomentParameters? _moments;
    private readonly MomentTreeParameters? _tree;
    private readonly DistanceTreeParameters? _distances;
    private readonly PerQueryParameters? _queries;
    private readonly Delta _delta;
    private readonly PrivacyLedger _ledger;
    private readonly string _statement;
    private double _grant;
    private double _limit;

    public FakeStore(string name, StoreDefinition definition)
    {
        Name = name;
        Definition = Fill(definition);
        _statement = Statement(Definition);
        _schema = Cluster.Definitions.ToSchema(Definition);
        if (Definition.Mechanism.Name == PerQueryNoise.Mechanism)
            _queries = PerQueryParameters.Create(_schema);
        else if (Definition.Mechanism.Name == DistanceTreeRelease.Mechanism)
            _distances = Cluster.Definitions.ToDistanceParameters(Definition);
        else if (Definition.Mechanism.Levels is not null)
            _tree = Cluster.Definitions.ToTreeParameters(Definition);
        else
            _moments = Cluster.Definitions.ToParameters(Definition);
        _delta = new Delta(definition.Delta);
        _grant = _limit = definition.Limit;
        _ledger = new PrivacyLedger(Limit(definition.Limit).Amount);
        _ledger.SetLimit(Account, Limit(definition.Limit).Amount);
    }

    public string Name { get; }

    public StoreDefinition Definition { get; }

    public long Rows => _batches.Values.Sum(batch => (long)batch.Rows);

    public bool IsDefinedBy(StoreDefinition definition) =>
        Statement(Fill(definition)) == _statement;

    public AppendResult Append(string batch, double[] keys, double[] values, int rows, bool clip)
    {
        if (_batches.TryGetValue(batch, out var known))
        {
            return known.Keys.AsSpan().SequenceEqual(keys) && known.Values.AsSpan().SequenceEqual(values)
                ? new AppendResult(batch, known.FirstSlot, known.Rows, Replayed: true)
                : throw FakeDpAttentionClient.Failure(ProblemCodes.RequestConflict, 422, "this batch id was used for other rows; nothing was added");
        }
        try
        {
            RowCheck.Require(_schema, RowSet.Create(new Matrix<double>(rows, keys.Length / Math.Max(1, rows), keys), new Matrix<double>(rows, values.Length / Math.Max(1, rows), values)), clip);
        }
        catch (ArgumentException e)
        {
            throw FakeDpAttentionClient.Failure(ProblemCodes.InvalidRequest, 400, e.Message);
        }
        var first = Rows;
        RequireRoom(rows);
        _batches.Add(batch, (keys, values, rows, first));
        if (Growing is { } release)
        {
            release.Growth!.Append(rows);
            release.Rows = Frozen();
        }
        return new AppendResult(batch, first, rows, Replayed: false);
    }

    public bool Erase(string batch, int index)
    {
        if (!_batches.TryGetValue(batch, out var known) || index < 0 || index >= known.Rows)
            throw FakeDpAttentionClient.Failure(ProblemCodes.NotFound, 404, "no such batch, or no such row in it");
        if (_releases.Exists(release => release.Batches.Contains(batch)))
            throw FakeDpAttentionClient.Failure(ProblemCodes.RowPublished, 409, "the row stands in a release");
        if (_releases.Exists(release => release.Growth is { } grown && PlaceOf(batch) + index < grown.Slots))
            throw FakeDpAttentionClient.Failure(ProblemCodes.RowPublished, 409, "the row stands in a release");
        Growing?.Growth!.Erase();
        _batches[batch] = (Without(known.Keys, index, Definition.KeyDimension), Without(known.Values, index, Definition.ValueDimension), known.Rows - 1, known.FirstSlot);
        return true;
    }

    public ReleaseDescription Publish(PublishRequest? request, string? key, DateTimeOffset now)
    {
        if (_queries is not null)
            throw FakeDpAttentionClient.Failure(ProblemCodes.Conflict, 409, "a store of mechanism per-query publishes nothing: each answer is charged by itself");
        if (key is not null && _releases.Find(release => release.Key == key) is { } same)
            return same.Describe();
        if (Growing is { } live)
            throw FakeDpAttentionClient.Failure(ProblemCodes.Conflict, 409, $"a continual store has one release, which grows with it, and this one has {live.Id}; retire it before another is made, which is charged by itself");
        if (Rows == 0 && !IsContinual)
            throw FakeDpAttentionClient.Failure(ProblemCodes.InvalidRequest, 400, "a store without rows cannot be published; append rows first");
        Epsilon[] tiers = [.. (request?.Ladder ?? Definition.Ladder).Select(Epsilon.Budget)];
        var ladder = Calibrate(tiers);
        var made = new FakeRelease($"r{_releases.Count + 1:D6}", key, IsContinual ? [] : [.. _batches.Keys], Frozen(), ladder, now) { Growth = IsContinual ? Grown() : null };
        _ledger.AddRelease(new ReleaseId(made.Id), ladder);
        _releases.Add(made);
        return made.Describe();
    }

    public FakeRelease Release(string id) => _releases.Find(release => release.Id == id) ?? throw FakeDpAttentionClient.Failure(ProblemCodes.NotFound, 404, "the store has no such release");

    public AttendResponse Attend(Matrix<double> queries, AttendOptions options)
    {
        if (options.Rows is not null && _tree is null)
            throw FakeDpAttentionClient.Failure(ProblemCodes.InvalidRequest, 400, "rows belongs to stores of mechanism moment-tree whose levels are all");
        if (_queries is not null)
            return Buy(_queries, queries, options);
        var release = options.Release is { } id ? Release(id)
            : _releases.FindLast(made => !made.IsRetired) ?? throw FakeDpAttentionClient.Failure(ProblemCodes.NotPublished, 409, "the store has no published release yet");
        if (release.IsRetired)
            throw FakeDpAttentionClient.Failure(ProblemCodes.ReleaseRetired, 410, $"release {release.Id} is retired");
        var held = _ledger.OpenTier(Account, new ReleaseId(release.Id));
        var tier = options.Tier ?? release.BestTierWithin(options.MaxEpsilon, held) ?? held
            ?? throw FakeDpAttentionClient.Failure(ProblemCodes.NotOpened, 409, "no tier is open; state release and tier, or maxEpsilon at or above a price");
        var (blocks, slots) = Range(release, options.Rows);
        var charged = held >= tier ? PrivacyAmount.Zero : Open(release, tier, options.IdempotencyKey ?? $"open:{release.Id}:{tier}");
        var record = Record(tier, release.Ladder.Tiers[tier].Epsilon.Value, PrivacyLimit.ToEpsilon(charged, _delta).Value) with { Release = release.Id };
        return Answer(release.Rows.Attention(slots.From, slots.To), queries, record, new bool[queries.Rows]) with { SlotsCovered = slots.To - slots.From, Blocks = blocks };
    }

    /// <summary>The blocks of a range, where a store has any, and their slots.</summary>
    private (BlockRange? Blocks, BlockRange Slots) Range(FakeRelease release, BlockRange? rows)
    {
        if (_tree is null)
            return (null, new BlockRange(0, release.Rows.Slots));
        if (release.Growth is { Blocks: 0 })
            throw FakeDpAttentionClient.Failure(ProblemCodes.NotPublished, 409, $"no block of release {release.Id} is released yet: its rows keep arriving");
        var blocks = release.Growth?.Blocks ?? _tree.ExtentOf(release.Rows.Slots).Blocks;
        var range = rows ?? new BlockRange(0, blocks);
        return range.From >= 0 && range.From < range.To && range.To <= blocks
            ? (range, release.Growth?.SlotsOf(range) ?? new BlockRange(range.From * _tree.BlockRows, Math.Min(range.To * _tree.BlockRows, release.Rows.Slots)))
            : throw FakeDpAttentionClient.Failure(ProblemCodes.InvalidRequest, 400, $"rows: release {release.Id} has blocks 0 to {blocks - 1}, so to is at most {blocks}, and above from");
    }

    public void Grant(double epsilon)
    {
        if (_ledger.SetLimit(Account, Limit(epsilon).Amount) is LedgerDecision.Refused)
            throw FakeDpAttentionClient.Failure(ProblemCodes.InvalidRequest, 400, "a limit is never set below what is spent; nothing was changed");
        _grant = epsilon;
    }

    public void SetLimit(double epsilon)
    {
        if (_ledger.SetStoreLimit(Limit(epsilon).Amount) is LedgerDecision.Refused)
            throw FakeDpAttentionClient.Failure(ProblemCodes.InvalidRequest, 400, "a limit is never set below what is spent; nothing was changed");
        _limit = epsilon;
    }

    public StoreBudgets Budgets() => new(
        _delta.Value, _limit, PrivacyLimit.ToEpsilon(_ledger.StoreSpent, _delta).Value, PrivacyLimit.ToAffordableEpsilon(_ledger.StoreLimit - _ledger.StoreSpent, _delta).Value, [Budget()]);

    public BudgetDescription Budget()
    {
        var (limit, spent) = (_ledger.Limit(Account)!.Value, _ledger.Spent(Account));
        return new BudgetDescription
        {
            Account = Account.Value,
            Delta = _delta.Value,
            Limit = _grant,
            Spent = PrivacyLimit.ToEpsilon(spent, _delta).Value,
            Remaining = PrivacyLimit.ToAffordableEpsilon(limit - spent, _delta).Value,
            LimitUnits = limit.MuSquared,
            SpentUnits = spent.MuSquared,
            Reach = [.. Definition.Ladder.Select((epsilon, tier) => new TierReach(tier, epsilon, PriceOf(epsilon).TimesIn(limit - spent)))],
            Opened = [.. _releases.Where(release => _ledger.OpenTier(Account, new ReleaseId(release.Id)) is not null)
                .Select(release => new OpenedTier(release.Id, _ledger.OpenTier(Account, new ReleaseId(release.Id))!.Value))],
        };
    }

    /// <summary>What a tier costs whoever holds nothing of it.</summary>
    private PrivacyAmount PriceOf(double epsilon) => Calibrate(Epsilon.Budget(epsilon)).Open(0);

    private NoiseLadder Calibrate(params Epsilon[] tiers) =>
        _queries is not null ? NoiseLadder.Calibrate(_queries.QuerySensitivity, _queries.Columns, tiers, _delta)
        : _distances is not null ? DistanceTreeRelease.Calibrate(_distances, tiers, _delta)
        : _tree is not null ? _tree.Calibrate(tiers, _delta)
        : MomentRelease.Calibrate(_moments!, tiers, _delta);

    public IReadOnlyList<LedgerLine> Ledger(DateTimeOffset now) =>
        [.. _ledger.Entries.Where(entry => entry.Account is not null).Select((entry, i) => new LedgerLine(
            i + 1, now, entry.Kind == LedgerEntryKind.Open ? "open" : entry.Kind == LedgerEntryKind.Charge ? "charge" : "limit", entry.AccountAmount.MuSquared, PrivacyLimit.ToEpsilon(entry.AccountAmount, _delta).Value, _delta.Value,
            entry.Request?.Value, entry.Release?.Value, entry.Tier))];

    public StoreDescription Describe() => new()
    {
        Name = Name,
        Incarnation = $"fake-{Name}",
        State = "active",
        Definition = Definition,
        Slots = Rows,
        Batches = _batches.Count,
        Releases = [.. _releases.Select(release => release.Describe())],
    };

    private PrivacyAmount Open(FakeRelease release, int tier, string request)
    {
        if (tier < 0 || tier >= release.Ladder.TierCount)
            throw FakeDpAttentionClient.Failure(ProblemCodes.NotFound, 404, $"release {release.Id} has no tier {tier}");
        switch (_ledger.Open(Account, new RequestId(request), RequestFingerprint.Of(System.Text.Encoding.ASCII.GetBytes($"{release.Id} {tier}")), new ReleaseId(release.Id), tier))
        {
            case LedgerDecision.Admitted admitted:
                return admitted.AccountCost;
            case LedgerDecision.Refused refused:
                throw Refusal(refused, $"the budget does not admit tier {tier} of release {release.Id}; nothing was charged");
            default:
                throw new InvalidOperationException("the ledger decided nothing");
        }
    }

    private DpAttentionException Refusal(LedgerDecision.Refused refused, string detail)
    {
        if (refused.Reason == RefusalReason.RequestConflict)
            return FakeDpAttentionClient.Failure(ProblemCodes.RequestConflict, 422, "this idempotency key was used for another request; nothing was charged");
        var spent = _ledger.Spent(Account);
        return new PrivacyBudgetExceededException(FakeDpAttentionClient.ProblemOf(ProblemCodes.BudgetExhausted, 403, detail) with
        {
            Requested = refused.Requested is { } requested ? PrivacyLimit.ToEpsilon(requested, _delta).Value : null,
            Remaining = refused.Requested is null ? null : PrivacyLimit.ToAffordableEpsilon(_ledger.Limit(Account)!.Value - spent, _delta).Value,
            ShortBy = refused.Requested is { } needed ? Math.Max(0, PrivacyLimit.ToEpsilon(spent + needed, _delta).Value - _grant) : null,
            Delta = _delta.Value,
        });
    }

    /// <summary>Exact answers, whose noise is none.</summary>
    private AttendResponse Answer(ExactAttention<double> attention, Matrix<double> queries, PrivacyRecord privacy, IReadOnlyList<bool>? marks)
    {
        var outputs = attention.Attend(queries);
        var zeros = new double?[Definition.ValueDimension];
        Array.Fill(zeros, 0);
        return new AttendResponse
        {
            Outputs = MatrixOf(queries.Rows, i => outputs.Row(i).ToArray()),
            NoiseDeviations = MatrixOf(queries.Rows, _ => zeros),
            IntervalLow = MatrixOf(queries.Rows, i => outputs.Row(i).ToArray()),
            IntervalHigh = MatrixOf(queries.Rows, i => outputs.Row(i).ToArray()),
            KernelErrorBound = 0,
            IndistinguishableFromMean = marks,
            Privacy = privacy,
        };
    }

    private PrivacyRecord Record(int tier, double epsilon, double charged)
    {
        var spent = _ledger.Spent(Account);
        return new PrivacyRecord(
            tier, epsilon, _delta.Value, charged, PrivacyLimit.ToEpsilon(spent, _delta).Value, PrivacyLimit.ToAffordableEpsilon(_ledger.Limit(Account)!.Value - spent, _delta).Value, Replayed: false);
    }

    private FakeRows Frozen() => new(Join(Definition.KeyDimension, batch => batch.Keys), Join(Definition.ValueDimension, batch => batch.Values), Definition.Scale!.Value);

    private PrivacyLimit Limit(double epsilon) => new(Epsilon.Budget(epsilon), _delta);

    private Matrix<double> Join(int columns, Func<(double[] Keys, double[] Values, int Rows, long FirstSlot), double[]> part) =>
        new Matrix<double>((int)Rows, columns, [.. _batches.Values.SelectMany(part)]);

    private static IReadOnlyList<IReadOnlyList<T>> MatrixOf<T>(int count, Func<int, T[]> row) => [.. Enumerable.Range(0, count).Select(i => (IReadOnlyList<T>)row(i))];

    private static double[] Without(double[] numbers, int row, int columns) => [.. numbers[..(row * columns)], .. numbers[((row + 1) * columns)..]];

    private static StoreDefinition Fill(StoreDefinition definition)
    {
        try
        {
            return Cluster.Definitions.Fill(definition);
        }
        catch (Cluster.ProblemException refusal)
        {
            throw FakeDpAttentionClient.Failure(refusal.Code, 400, refusal.Message);
        }
    }

    private static string Statement(StoreDefinition definition) => System.Text.Json.JsonSerializer.Serialize(definition);
}
