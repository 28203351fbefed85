namespace DpAttn.Storage;

/// <summary>Collects marks that a verification found the witness not to know, and raises them some at a time.</summary>
internal sealed class MarkBatch(ILedgerWitness? witness)
{
    private const int Size = 1000;

    private readonly List<WitnessStep> _marks = [];

    public ValueTask AddAsync(WitnessStep mark, CancellationToken cancellationToken)
    {
        _marks.Add(mark);
        return _marks.Count < Size ? ValueTask.CompletedTask : new ValueTask(FlushAsync(cancellationToken));
    }

    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        if (_marks.Count == 0)
            return;
        // What does not rise was told by somebody else meanwhile.
        await witness!.RaiseAsync(_marks, cancellationToken).ConfigureAwait(false);
        _marks.Clear();
    }
}
