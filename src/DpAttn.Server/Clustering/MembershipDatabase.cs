using DpAttn.Storage;
using Npgsql;

namespace DpAttn.Server;

/// <summary>How the engine's clustering connects to the database that holds the membership.</summary>
internal static class MembershipDatabase
{
    /// <summary>The engine's name of Npgsql.</summary>
    public const string Invariant = "Npgsql";

    private const int ConnectSeconds = 3;
    private const int CommandSeconds = 3;
    private const int Connections = 4;

    /// <summary>The connection string with deadlines below the silos' own, whatever it says itself, and nothing of a value in an error's text.</summary>
    /// <exception cref="StorageRefusedException">It is no connection string. Its text is not repeated.</exception>
    public static string ConnectionString(string connectionString)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(connectionString)
            {
                Timeout = ConnectSeconds,
                CommandTimeout = CommandSeconds,
                MaxPoolSize = Connections,
                MinPoolSize = 0,
                Multiplexing = false,
                Enlist = false,
                PersistSecurityInfo = false,
                IncludeErrorDetail = false,
                LogParameters = false,
                ApplicationName = "dpattn-membership",
            }.ConnectionString;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidOperationException)
        {
            throw new StorageRefusedException("the connection string of the database cannot be read: it must be Npgsql's, such as Host=db.example.org;Database=dpattn;Username=dpattn;Password=...");
        }
    }
}
