using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("DpAttn.Cli.Tests")]
[assembly: InternalsVisibleTo("DpAttn.Fuzzing.Tests")]
