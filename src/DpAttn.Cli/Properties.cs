using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("DpAttn.Cli.Tests")]
