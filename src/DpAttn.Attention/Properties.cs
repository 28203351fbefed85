using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("DpAttn.Attention.Tests")]
[assembly: InternalsVisibleTo("DpAttn.Benchmarks")]
[assembly: InternalsVisibleTo("DpAttn.Digest")]
// The command line's demo compares private answers with noise-free ones, on its user's own rows.
[assembly: InternalsVisibleTo("dpattn")]
