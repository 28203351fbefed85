using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("DpAttn.Auditing.Tests")]
