using DpAttn.Attention;

namespace DpAttn.Cluster;

/// <summary>Answers from one tier of a distance-tree release: plans the queries, asks once for all their parts, and combines what comes.</summary>
internal sealed class DistanceTier : ITierAnswers
{
    private const long EntryBytes = 4096;
    private readonly DistanceModel _model;
    private readonly string _release;
    private readonly int _tier;
    private readonly Parts _noParts;
    private readonly DistanceTreeAnswerer _answerer;

    public DistanceTier(DistanceModel model, string release, int tier, long slots, double deviation)
    {
        (_model, _release, _tier) = (model, release, tier);
        _noParts = new Parts(model.Parameters, slots, deviation, new Dictionary<long, long[]>());
        _answerer = new DistanceTreeAnswerer(_noParts);
    }

    /// <summary>Its parts are held elsewhere.</summary>
    public long Bytes => EntryBytes;

    public int Columns => _model.Schema.ValueDimension;

    public async ValueTask<AttentionAnswer[]> AnswerAsync(Matrix<double> queries, bool clip, INoisedParts parts, CancellationToken cancellationToken)
    {
        var plans = new DistanceTreeQueryPlan[queries.Rows];
        var wanted = new HashSet<long>();
        for (var i = 0; i < plans.Length; i++)
        {
            plans[i] = DistanceTreeQueryPlan.For(_model.Parameters, queries.Row(i), clip, i);
            wanted.UnionWith(plans[i].Parts);
        }
        var noised = await parts.ReadAsync(_model, _release, _tier, [.. wanted], cancellationToken);
        var answerer = _answerer.From(_noParts with { Noised = noised });
        var answers = new AttentionAnswer[plans.Length];
        for (var i = 0; i < answers.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            answers[i] = answerer.Answer(plans[i]);
        }
        return answers;
    }

    /// <summary>The parts of one batch, in hand.</summary>
    private sealed record Parts(DistanceTreeParameters Parameters, long Slots, double Deviation, IReadOnlyDictionary<long, long[]> Noised) : IDistanceTreeParts
    {
        public void Read(long part, Span<long> destination) => Noised[part].CopyTo(destination);
    }
}
