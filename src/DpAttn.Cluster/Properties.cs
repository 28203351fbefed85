using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("DpAttn.Cluster.Tests")]
[assembly: InternalsVisibleTo("DpAttn.ServerBenchmarks")]
[assembly: InternalsVisibleTo("DpAttn.Fuzzing.Tests")]
[assembly: InternalsVisibleTo("DpAttn.Server")]
[assembly: InternalsVisibleTo("DpAttn.Testing.Tests")]
