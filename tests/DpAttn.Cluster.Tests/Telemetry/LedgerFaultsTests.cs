namespace DpAttn.Cluster.Tests;

public class LedgerFaultsTests
{
    [Fact]
    public void Each_fault_is_told_under_its_reason_until_it_is_over()
    {
        var faults = new LedgerFaults();
        // Before the first look charges wait.
        Require(faults, 0, 0, 0, 1);
        faults.Saw(3, isUnpaired: true, isWitnessLost: false);
        Require(faults, 3, 1, 0, 0);
        // What cannot be looked at is not what it was found to be, and not well either.
        faults.SawNothing();
        Require(faults, 3, 1, 0, 1);
        faults.Saw(0, isUnpaired: false, isWitnessLost: true);
        Require(faults, 0, 0, 1, 0);
    }

    private static void Require(LedgerFaults faults, long suspended, long unpaired, long witness, long unverified) => Assert.Equal(
        [("suspended", suspended), ("unpaired", unpaired), ("witness_unavailable", witness), ("unverified", unverified)],
        faults.Measure().Select(measurement => ((string)measurement.Tags[0].Value!, measurement.Value)));
}
