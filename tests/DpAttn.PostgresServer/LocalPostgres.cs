using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Npgsql;

namespace DpAttn.PostgresServer;

/// <summary>
/// A PostgreSQL server of its own, on loopback, in a temporary directory. It is stopped by its own process id: by <see cref="DisposeAsync"/>, at the end
/// of this process, or, when this process is killed, by the shell that it was started from, which sees its input end.
/// </summary>
public sealed class LocalPostgres : IAsyncDisposable
{
    private const string User = "dpattn";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // Its input is held by the tests' process: a line stops the server, the end of the input stops it at once and removes its files.
    private const string Keeper = """
        programs=$1 directory=$2
        shift 2
        "$programs/postgres" -D "$directory/data" "$@" >>"$directory/server.log" 2>&1 &
        server=$!
        echo $server
        if read -r order; then signal=INT; else signal=QUIT; fi
        kill -$signal $server 2>/dev/null
        wait $server
        [ $signal = INT ] || rm -rf -- "$directory"
        """;

    private static readonly Lazy<Task<LocalPostgres>> OfThisProcess = new(() => StartAsync());

    private readonly PostgresBinaries _binaries;
    private readonly string _directory;
    private readonly string _password;
    private readonly string[] _settings;
    private readonly int _port;
    private readonly PostgresReach _reach;
    private Process? _keeper;
    private int _databases;

    private LocalPostgres(PostgresBinaries binaries, string directory, string password, string[] settings, int port, PostgresReach reach) =>
        (_binaries, _directory, _password, _settings, _port, _reach) = (binaries, directory, password, settings, port, reach);

    /// <summary>Why no server can run here, or null. Tests that need one skip with it.</summary>
    public static string? Missing => PostgresBinaries.Missing;

    /// <summary>The server that all tests of this process share; none of them stops it.</summary>
    public static Task<LocalPostgres> Shared => OfThisProcess.Value;

    /// <summary>The password of <see cref="User"/>; no error text may hold it.</summary>
    public string Password => _password;

    /// <summary>The port, on loopback where nothing else was stated.</summary>
    public int Port => _port;

    /// <summary>The server's process; its children serve the connections.</summary>
    public int ProcessId { get; private set; }

    /// <summary>Starts a server.</summary>
    /// <param name="settings">Server settings, as name=value.</param>
    public static Task<LocalPostgres> StartAsync(params string[] settings) => StartAsync(PostgresReach.Loopback, settings);

    /// <summary>Starts a server that is reached elsewhere than on loopback, such as from network namespaces of this machine.</summary>
    /// <param name="reach">Where.</param>
    /// <param name="settings">Server settings, as name=value.</param>
    public static async Task<LocalPostgres> StartAsync(PostgresReach reach, params string[] settings)
    {
        var binaries = PostgresBinaries.Found ?? throw new InvalidOperationException(Missing);
        for (var attempt = 1; ; attempt++)
        {
            var server = Initialize(binaries, settings, reach);
            // Not waited for: what is left of the stopping goes on without us.
            AppDomain.CurrentDomain.ProcessExit += (_, _) => server._keeper?.StandardInput.Close();
            try
            {
                await server.StartAgainAsync();
                return server;
            }
            catch (InvalidOperationException) when (attempt < 5)
            {
                // Another program may have taken the port meanwhile.
                await server.DisposeAsync();
            }
        }
    }

    /// <summary>The connection string of a fresh, empty database.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = $"test{Interlocked.Increment(ref _databases)}";
        await ExecuteAsync(ConnectionString("postgres"), $"CREATE DATABASE {name}");
        return ConnectionString(name);
    }

    /// <summary>The connection string of a database; connections are not shared with other data sources.</summary>
    public string ConnectionString(string database) => new NpgsqlConnectionStringBuilder
    {
        Host = _reach.Address,
        Port = _port,
        Username = User,
        Password = _password,
        Database = database,
    }.ConnectionString;

    /// <summary>Runs a statement on a connection of its own.</summary>
    public static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection($"{connectionString};Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Stops the server in order, or as a crash would (nothing is flushed, the log is replayed at the next start); its files stay.</summary>
    public void Stop(bool crash = false)
    {
        if (crash && _keeper is { HasExited: false })
            Kill("-QUIT", ProcessId);
        End(keep: true);
    }

    /// <summary>Starts a server that was stopped, on the same port and files, and waits until it answers.</summary>
    /// <exception cref="InvalidOperationException">It did not start; the message has its log.</exception>
    public async Task StartAgainAsync()
    {
        string[] settings = [$"port={_port}", $"listen_addresses={_reach.Address}", "unix_socket_directories=", "max_connections=200", "shared_buffers=64MB", .. _settings];
        _keeper = Process.Start(_binaries.StartApart("sh", ["-c", Keeper, "sh", _binaries.Directory, _directory, .. settings.SelectMany(setting => (string[])["-c", setting])]))!;
        ProcessId = int.Parse(await _keeper.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException(await _keeper.StandardError.ReadToEndAsync()));
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                await ExecuteAsync(ConnectionString("postgres"), "SELECT 1");
                return;
            }
            catch (NpgsqlException) when (IsRunning(ProcessId) && Stopwatch.GetElapsedTime(start) < Patience)
            {
                await Task.Delay(50);
            }
            catch (NpgsqlException failure)
            {
                throw new InvalidOperationException($"the PostgreSQL server did not start ({failure.Message}): {ReadLog()}", failure);
            }
        }
    }

    /// <summary>Takes a program out of reach of a terminal's Ctrl-C, where that can be had.</summary>
    public static ProcessStartInfo Apart(ProcessStartInfo start) => PostgresBinaries.Apart(start);

    /// <summary>Sends a signal to the server or to one of its children, such as -STOP and -CONT.</summary>
    public static void Kill(string signal, int process)
    {
        using var kill = Process.Start("kill", [signal, $"{process}"]);
        kill.WaitForExit();
    }

    /// <summary>Stops every process of the server where it stands (SIGSTOP), so that it takes connections and answers nothing, until <see cref="Thaw"/>.</summary>
    public void Freeze()
    {
        // The first alone makes further ones.
        Kill("-STOP", ProcessId);
        foreach (var child in Children())
            Kill("-STOP", child);
    }

    /// <summary>Lets every process of the server go on.</summary>
    public void Thaw()
    {
        foreach (var child in Children())
            Kill("-CONT", child);
        Kill("-CONT", ProcessId);
    }

    /// <summary>What the server has logged.</summary>
    public string ReadLog() => File.ReadAllText(Path.Combine(_directory, "server.log"));

    /// <summary>Stops the server and removes its files.</summary>
    public ValueTask DisposeAsync()
    {
        End(keep: false);
        return ValueTask.CompletedTask;
    }

    private static LocalPostgres Initialize(PostgresBinaries binaries, string[] settings, PostgresReach reach)
    {
        var directory = Directory.CreateTempSubdirectory("dpattn-postgres-").FullName;
        var password = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var passwordFile = Path.Combine(directory, "password");
        File.WriteAllText(passwordFile, password);
        if (binaries.User is { } user)
            PostgresBinaries.Run(new ProcessStartInfo("chown", ["-R", user, directory]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true });
        PostgresBinaries.Run(binaries.Start(
            Path.Combine(binaries.Directory, "initdb"),
            "--no-sync", "--auth=scram-sha-256", $"--username={User}", $"--pwfile={passwordFile}", "--encoding=UTF8", "--locale=C", "-D", Path.Combine(directory, "data")));
        File.Delete(passwordFile);
        // Loopback is let in already.
        File.AppendAllText(Path.Combine(directory, "data", "pg_hba.conf"), $"host all all {reach.From} scram-sha-256\n");
        return new LocalPostgres(binaries, directory, password, settings, FreePort(reach), reach);
    }

    private void End(bool keep)
    {
        if (_keeper is { } keeper)
        {
            if (keep && !keeper.HasExited)
                keeper.StandardInput.WriteLine("keep");
            keeper.StandardInput.Close();
            keeper.WaitForExit();
            keeper.Dispose();
            _keeper = null;
        }
        if (!keep && Directory.Exists(_directory))
            Directory.Delete(_directory, recursive: true);
    }

    /// <summary>Whether a process is there and is not only waiting for its end to be noticed.</summary>
    private static bool IsRunning(int process)
    {
        try
        {
            if (OperatingSystem.IsLinux())
                return File.ReadAllText($"/proc/{process}/stat").Split(") ")[^1][0] != 'Z';
            using var found = Process.GetProcessById(process);
            return !found.HasExited;
        }
        catch (Exception failure) when (failure is ArgumentException or IOException)
        {
            return false;
        }
    }

    private int[] Children()
    {
        var start = new ProcessStartInfo("ps", ["-o", "pid=", "--ppid", $"{ProcessId}"]) { RedirectStandardOutput = true };
        using var list = Process.Start(start)!;
        var found = list.StandardOutput.ReadToEnd();
        list.WaitForExit();
        return [.. found.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
    }

    private static int FreePort(PostgresReach reach)
    {
        using var listener = new TcpListener(IPAddress.Parse(reach.Address), 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
