using DpAttn.Cluster.Tests;

[assembly: AssemblyFixture(typeof(OneSilo))]
[assembly: AssemblyFixture(typeof(TwoSilos))]
