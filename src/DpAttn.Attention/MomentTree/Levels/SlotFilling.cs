namespace DpAttn.Attention;

/// <summary>How rows come to their slots while a continual store grows: part of what its schema states.</summary>
public enum SlotFilling
{
    /// <summary>
    /// A row takes the next free slot when it arrives. The number of rows is public, as it is under replace-one; under add-remove one row less would
    /// move all later ones to other slots and blocks, so a continual store refuses it there.
    /// </summary>
    OnArrival,

    /// <summary>
    /// The owner's statement that public facts alone (a clock, a roster) decide which slot is filled when. A slot whose turn comes is filled then: with its row,
    /// or with the null row where there is none. Needed for continual stores under add-remove.
    /// </summary>
    PublicSchedule,
}
