using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("DpAttn.Storage.Tests")]
