using DpAttn.Attention;
using DpAttn.Gateway;

namespace DpAttn.Cluster;

/// <summary>Queries as bytes and terms, and back.</summary>
internal static class AttendCommands
{
    public static (AttendTerms Terms, byte[] Content) Write(AttendCommand command)
    {
        var content = new byte[(long)command.Queries.Data.Length * sizeof(double)];
        Numbers.Write(command.Queries.Data, content);
        return (new AttendTerms(command.Release, command.Tier, command.MaxEpsilon, command.RequestId, command.Clip, command.Rows), content);
    }

    public static AttendCommand Read(AttendTerms terms, int queries, int columns, ReadOnlySpan<byte> content)
    {
        var numbers = new double[queries * columns];
        Numbers.Read(content, numbers);
        return new AttendCommand(new Matrix<double>(queries, columns, numbers), terms.Release, terms.Tier, terms.MaxEpsilon, terms.RequestId, terms.Clip, terms.Rows);
    }
}
