using DpAttn.Attention;

namespace DpAttn.Cluster;

/// <summary>Answers from one tier of a released moment matrix: that of all rows, or the sum of some nodes of a tree.</summary>
internal sealed class MomentAnswers(ReleasedMoments released) : ITierAnswers
{
    private const long EntryBytes = 4096;
    private const long Strip = 32;
    private readonly MomentAnswerer _answerer = new(released);

    /// <summary>Its columns, each padded to whole strips of vectors.</summary>
    public long Bytes { get; } = EntryBytes + (released.Parameters.Features + Strip - 1) / Strip * Strip * released.Parameters.Columns * sizeof(double);

    public int Columns { get; } = released.Parameters.Schema.ValueDimension;

    public ValueTask<AttentionAnswer[]> AnswerAsync(Matrix<double> queries, bool clip, INoisedParts parts, CancellationToken cancellationToken)
    {
        var answers = new AttentionAnswer[queries.Rows];
        for (var i = 0; i < answers.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            answers[i] = _answerer.Answer(queries.Row(i), clip, i);
        }
        return ValueTask.FromResult(answers);
    }
}
