using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("DpAttn.Client.Tests")]
