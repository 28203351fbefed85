using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("DpAttn.Attention.Tests")]
[assembly: InternalsVisibleTo("DpAttn.Benchmarks")]
[assembly: InternalsVisibleTo("DpAttn.Digest")]
// Grains carry exact sums from shards to the one place that adds noise; nobody else may take them.
[assembly: InternalsVisibleTo("DpAttn.Cluster")]
[assembly: InternalsVisibleTo("DpAttn.Cluster.Tests")]
// The audit plays an adversary that knows both data sets, exact sums included, and lacks only which of them was released.
[assembly: InternalsVisibleTo("DpAttn.Auditing")]
[assembly: InternalsVisibleTo("DpAttn.Auditing.Tests")]
// The command line's demo compares private answers with noise-free ones, on its user's own rows.
[assembly: InternalsVisibleTo("dpattn")]
// The server and the command line read archives of their users.
[assembly: InternalsVisibleTo("DpAttn.Server")]
[assembly: InternalsVisibleTo("DpAttn.Fuzzing.Tests")]
