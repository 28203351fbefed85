using DpAttn.Gateway;
using DpAttn.Storage;

namespace DpAttn.Cluster;

/// <summary>Exceptions for the log of a silo or a front: messages of the storage and of problems, of all others types and stacks only.</summary>
internal static class Failures
{
    public static string Describe(Exception exception) => FaultText.Of(exception, static e => e is StorageException or ProblemException or GatewayProblemException);
}
