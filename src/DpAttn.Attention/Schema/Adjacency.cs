namespace DpAttn.Attention;

/// <summary>Which two row sets are neighbours, that is, what the guarantee hides.</summary>
public enum Adjacency
{
    /// <summary>The number of rows is public; one row differs arbitrarily.</summary>
    ReplaceOne,

    /// <summary>The number of slots is public; one slot holds a row in one set and the null row in the other.</summary>
    AddRemove,
}
