using DpAttn.Packages.Tests;

[assembly: AssemblyFixture(typeof(PackedPackages))]
