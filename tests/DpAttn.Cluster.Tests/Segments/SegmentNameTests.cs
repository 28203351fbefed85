namespace DpAttn.Cluster.Tests;

public class SegmentNameTests
{
    [Fact]
    public void Every_name_of_a_segment_tells_its_batch_and_part()
    {
        var name = SegmentName.Of("0123abcd", 12);
        Assert.Equal(("0123abcd", 12), SegmentName.Parse(name));
        var erased = SegmentName.Rewritten(name);
        Assert.Equal(("0123abcd", 12), SegmentName.Parse(erased));
        var again = SegmentName.Rewritten(erased);
        Assert.Equal(("0123abcd", 12), SegmentName.Parse(again));
        Assert.Equal(3, new HashSet<string> { name, erased, again }.Count);
        Assert.Equal(erased.Length, again.Length);
    }

    [Theory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("abc-x")]
    [InlineData("abc--1")]
    public void What_is_no_name_of_a_segment_is_not_taken_for_one(string blob) => Assert.Null(SegmentName.Parse(blob));
}
