using DpAttn.Privacy;

namespace DpAttn.Storage.Tests.Guard;

/// <summary>What a process has not told its witness of a book: each change counts once, whatever comes between.</summary>
public sealed class UntoldBookTests
{
    private static readonly WitnessMark Start = Mark(5, 50, 0);

    [Fact]
    public void What_lies_before_what_was_seen_is_neither_looked_for_nor_added()
    {
        var lost = Mark(6, 950, 1);
        var book = UntoldBook.Of(new WitnessStep(Start, lost)).With(UntoldBook.Of(new WitnessStep(Mark(21, 1000, 0), Mark(22, 1003, 0)))).With(UntoldBook.Of(new WitnessStep(Mark(22, 1003, 0), Mark(23, 1010, 0))));
        Assert.Equal((900 + 3 + 7, lost), (book.Added.MuSquared, book.First));
        Assert.Null(book.From);

        var rest = book.After(Mark(21, 1000, 0))!;

        Assert.Equal((3 + 7, 22L, 23L, 21L), (rest.Added.MuSquared, rest.First.Version, rest.Last.Version, rest.From!.Version));
        Assert.Equal(7, book.After(Mark(22, 1003, 0))!.Added.MuSquared);
        Assert.Null(book.After(Mark(23, 1010, 0)));
    }

    [Fact]
    public void Changes_that_follow_each_other_are_one_in_whatever_order_they_come()
    {
        var (one, two) = (UntoldBook.Of(new WitnessStep(Start, Mark(6, 60, 0))), UntoldBook.Of(new WitnessStep(Mark(6, 60, 0), Mark(7, 75, 0))));
        foreach (var book in new[] { one.With(two), two.With(one) })
            Assert.Equal((5L, 6L, 7L, 25L), (book.From!.Version, book.First.Version, book.Last.Version, book.Added.MuSquared));
    }

    [Fact]
    public void Another_state_of_a_version_that_is_known_is_of_another_way()
    {
        var book = UntoldBook.Of(new WitnessStep(Start, Mark(6, 60, 0))).With(UntoldBook.Of(new WitnessStep(Mark(8, 80, 0), Mark(9, 90, 0))));
        foreach (var (version, spent) in new[] { (5, 50), (6, 60), (8, 80), (9, 90) })
        {
            Assert.False(book.Changes.Contradict(Mark(version, spent, 0)));
            Assert.True(book.Changes.Contradict(Mark(version, spent, 1)));
            Assert.True(book.Changes.Contradict(Mark(version, spent - 1, 0)));
        }
        Assert.False(book.Changes.Contradict(Mark(7, 1, 1)));
    }

    [Fact]
    public void A_charge_that_leaves_its_stores_row_as_it_is_counts_beside_those_that_do_not()
    {
        var (before, after) = (Mark(5, 500, 0, isOfStore: true), Mark(6, 900, 0, isOfStore: true));
        var same = UntoldBook.Of(new WitnessStep(before, before) { Charged = new PrivacyAmount(3, 1) });
        var grown = UntoldBook.Of(new WitnessStep(before, after) { Charged = new PrivacyAmount(10, 1) });
        foreach (var book in new[] { same.With(grown), grown.With(same) })
            Assert.Equal((new PrivacyAmount(13, 2), 5L, 6L), (book.Added, book.From!.Version, book.Last.Version));
    }

    private static WitnessMark Mark(long version, long spent, byte way, bool isOfStore = false) =>
        new(new StoreId("store-1"), isOfStore ? null : new AccountId("alice"), version, new PrivacyAmount(spent, 0), Enumerable.Repeat((byte)(version + way), 32).ToArray());
}
