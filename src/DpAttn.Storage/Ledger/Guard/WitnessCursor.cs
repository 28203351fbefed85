using DpAttn.Privacy;

namespace DpAttn.Storage;

/// <summary>A store's marks in the order of their accounts, read page by page, for going along with its books.</summary>
/// <param name="witness">The witness.</param>
/// <param name="store">The store.</param>
/// <param name="begin">The account to begin after; null for all marks.</param>
internal sealed class WitnessCursor(ILedgerWitness witness, StoreId store, string? begin = null)
{
    private const int Page = 1000;

    private IReadOnlyList<WitnessMark> _page = [];
    private int _at;
    private bool _isAtEnd;

    /// <summary>The next mark, without taking it; null after the last one.</summary>
    public async ValueTask<WitnessMark?> PeekAsync(CancellationToken cancellationToken)
    {
        if (_at == _page.Count && !_isAtEnd)
        {
            var after = _page.Count == 0 ? begin : _page[^1].AccountName;
            (_page, _at) = (await witness.ListAsync(store, after, Page, cancellationToken).ConfigureAwait(false), 0);
            _isAtEnd = _page.Count == 0;
        }
        return _at < _page.Count ? _page[_at] : null;
    }

    /// <summary>Takes the next mark.</summary>
    public void Take() => _at++;
}
