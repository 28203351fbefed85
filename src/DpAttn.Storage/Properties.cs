using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("DpAttn.Storage.Tests")]
[assembly: InternalsVisibleTo("DpAttn.Fuzzing.Tests")]
