using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("DpAttn.Client.Cluster")]
[assembly: InternalsVisibleTo("DpAttn.Client.Tests")]
[assembly: InternalsVisibleTo("DpAttn.Fuzzing.Tests")]
