using System.Text;
using DpAttn.Cluster;
using DpAttn.Storage;

namespace DpAttn.Server.Http;

/// <summary>
/// Exceptions for the log. Messages of our own are written to be logged; those of others may quote what they choked on, a row or a
/// name, so only their types and stacks are kept.
/// </summary>
internal static class Failures
{
    public static string Describe(Exception exception)
    {
        var text = new StringBuilder();
        for (var current = exception; current is not null; current = current.InnerException)
        {
            if (text.Length > 0)
                text.Append(Environment.NewLine).Append("caused by ");
            text.Append(current.GetType().FullName);
            if (current is StorageException or ProblemException)
                text.Append(": ").Append(current.Message);
            if (current.StackTrace is { } stack)
                text.Append(Environment.NewLine).Append(stack);
        }
        return text.ToString();
    }
}
