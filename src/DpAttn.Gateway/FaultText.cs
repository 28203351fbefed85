using System.Text;

namespace DpAttn.Gateway;

/// <summary>
/// Exceptions for the log. Messages of our own are written to be logged; those of others may quote what they choked on, a row, a name or a connection string, so only their types and stacks are kept.
/// </summary>
internal static class FaultText
{
    /// <summary>An exception and its causes.</summary>
    /// <param name="exception">What happened.</param>
    /// <param name="isOurs">Whose messages are kept.</param>
    public static string Of(Exception exception, Func<Exception, bool> isOurs)
    {
        var text = new StringBuilder();
        for (var current = exception; current is not null; current = current.InnerException)
        {
            if (text.Length > 0)
                text.Append(Environment.NewLine).Append("caused by ");
            text.Append(current.GetType().FullName);
            if (isOurs(current))
                text.Append(": ").Append(current.Message);
            if (current.StackTrace is { } stack)
                text.Append(Environment.NewLine).Append(stack);
        }
        return text.ToString();
    }

    /// <summary>An exception of a client of gateways, whose own are problems.</summary>
    public static string Of(Exception exception) => Of(exception, static e => e is GatewayProblemException);
}
