using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("DpAttn.Privacy.Tests")]
[assembly: InternalsVisibleTo("DpAttn.Benchmarks")]
[assembly: InternalsVisibleTo("DpAttn.Fuzzing.Tests")]
