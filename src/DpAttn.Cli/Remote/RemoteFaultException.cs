namespace DpAttn.Cli.Remote;

/// <summary>The server refused, or could not be reached.</summary>
internal sealed class RemoteFaultException(string message, Exception? inner = null) : IOException(message, inner);
