using Npgsql;

namespace DpAttn.Storage;

/// <summary>Makes connections with the settings that durability and the deadlines rest on, whatever the connection string says.</summary>
internal static class PostgresSource
{
    /// <summary>How long a statement waits for a lock.</summary>
    public const int LockMilliseconds = 500;

    /// <summary>How long a statement may take; longer than a lock is waited for.</summary>
    public const int StatementMilliseconds = 2000;

    /// <summary>How long this process waits for the server's answer: longer than the server itself does, so that its word is heard.</summary>
    public const int CommandSeconds = 3;

    /// <summary>A transaction that its process left open gives up its locks.</summary>
    private const int IdleInTransactionMilliseconds = 5000;

    private const int ConnectSeconds = 3;
    private const int CancelMilliseconds = 500;
    private const int RecheckSeconds = 600;

    /// <summary>A source of connections, each of them checked by <see cref="PostgresServerCheck"/>.</summary>
    /// <param name="connectionString">The connection string.</param>
    /// <param name="connections">The most of them.</param>
    /// <exception cref="StorageRefusedException">It is no connection string. Its text is not repeated.</exception>
    public static NpgsqlDataSource Create(string connectionString, int connections) => Create(connectionString, settings =>
    {
        settings.MaxPoolSize = connections;
        settings.MinPoolSize = 0;
        // A connection is made anew now and then, and the server's settings checked again.
        settings.ConnectionLifetime = RecheckSeconds;
        settings.MaxAutoPrepare = 64;
        settings.AutoPrepareMinUsages = 2;
        settings.CommandTimeout = CommandSeconds;
        AddOption(settings, "statement_timeout", StatementMilliseconds);
        AddOption(settings, "lock_timeout", LockMilliseconds);
        AddOption(settings, "idle_in_transaction_session_timeout", IdleInTransactionMilliseconds);
        // Plans are kept, and may be made while the tables are empty, when reading all of one looks cheap. Every statement here is meant to go by an index, row by row.
        foreach (var way in new[] { "enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit" })
            AddOption(settings, way, "off");
    });

    /// <summary>A source for the migration, whose statements take what they take.</summary>
    /// <exception cref="StorageRefusedException">As for the other.</exception>
    public static NpgsqlDataSource CreateForMigration(string connectionString) => Create(connectionString, settings =>
    {
        settings.MaxPoolSize = 1;
        settings.CommandTimeout = 0;
        AddOption(settings, "statement_timeout", 0);
        AddOption(settings, "lock_timeout", 30_000);
    });

    private static NpgsqlDataSource Create(string connectionString, Action<NpgsqlConnectionStringBuilder> configure)
    {
        try
        {
            var settings = new NpgsqlConnectionStringBuilder(connectionString)
            {
                Pooling = true,
                Multiplexing = false,
                Enlist = false,
                // Settings made after connecting must outlive the first use of a connection.
                NoResetOnClose = true,
                Timeout = ConnectSeconds,
                CancellationTimeout = CancelMilliseconds,
                PersistSecurityInfo = false,
                IncludeErrorDetail = false,
                LogParameters = false,
                ApplicationName = "dpattn",
            };
            // A replica that commits without waiting says so by a warning, which must be heard.
            AddOption(settings, "client_min_messages", "warning");
            AddOption(settings, "default_transaction_isolation", "read\\ committed");
            configure(settings);
            if (string.IsNullOrEmpty(settings.Host))
                throw new StorageRefusedException("the connection string of the database names no Host");
            var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString);
            builder.UsePhysicalConnectionInitializer(PostgresServerCheck.Require, PostgresServerCheck.RequireAsync);
            return builder.Build();
        }
        catch (Exception failure) when (failure is ArgumentException or FormatException or InvalidOperationException)
        {
            // Neither its message nor itself: what could not be read may be a piece of a password.
            throw new StorageRefusedException("the connection string of the database cannot be read: it must be Npgsql's, such as Host=db.example.org;Database=dpattn;Username=dpattn;Password=...");
        }
    }

    private static void AddOption<T>(NpgsqlConnectionStringBuilder settings, string name, T value) =>
        settings.Options = $"{settings.Options} -c {name}={value}".Trim();
}
