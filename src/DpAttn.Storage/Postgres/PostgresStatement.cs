using Npgsql;
using NpgsqlTypes;

namespace DpAttn.Storage;

/// <summary>A statement with its parameters $1, $2, and so on.</summary>
internal sealed class PostgresStatement(string sql)
{
    public NpgsqlBatchCommand Command { get; } = new(sql);

    /// <summary>
    /// A change of so many rows that fails (division by zero, since SQL has no other word for it) when it changes another number of them. The number is its first parameter; the
    /// change's own begin at $2.
    /// </summary>
    public static PostgresStatement AllOrNone(int rows, string change) =>
        new PostgresStatement($"WITH changed AS ({change} RETURNING 1) SELECT 1 / (CASE WHEN count(*) = $1 THEN 1 ELSE 0 END) FROM changed").With(rows);

    /// <summary>
    /// Changes nothing, and is written to the log all the same: a commit after it is acknowledged only when everything that was committed before is flushed, and confirmed by the replica
    /// that the server waits for.
    /// </summary>
    public static PostgresStatement Confirm() => new("SELECT pg_logical_emit_message(true, 'dpattn', '')");

    /// <summary>Whether commits wait for a replica, so that one may be seen that was never confirmed; without it all that is seen is flushed.</summary>
    public static PostgresStatement WaitsForReplica() => new("SELECT current_setting('synchronous_standby_names') <> ''");

    /// <summary>States the next parameter.</summary>
    public PostgresStatement With(long value) => Add(new NpgsqlParameter<long> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Bigint });

    /// <inheritdoc cref="With(long)"/>
    public PostgresStatement With(int value) => Add(new NpgsqlParameter<int> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Integer });

    /// <inheritdoc cref="With(long)"/>
    public PostgresStatement With(double value) => Add(new NpgsqlParameter<double> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Double });

    /// <inheritdoc cref="With(long)"/>
    public PostgresStatement With(bool value) => Add(new NpgsqlParameter<bool> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Boolean });

    /// <inheritdoc cref="With(long)"/>
    public PostgresStatement With(string? value) => value is null ? WithNull(NpgsqlDbType.Text) : Add(new NpgsqlParameter<string> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Text });

    /// <inheritdoc cref="With(long)"/>
    public PostgresStatement With(ReadOnlyMemory<byte> value) => Add(new NpgsqlParameter<ReadOnlyMemory<byte>> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Bytea });

    /// <inheritdoc cref="With(long)"/>
    public PostgresStatement With(byte[] value) => Add(new NpgsqlParameter<byte[]> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Bytea });

    /// <inheritdoc cref="With(long)"/>
    public PostgresStatement WithAll(long[] values) => Add(new NpgsqlParameter<long[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint });

    /// <inheritdoc cref="With(long)"/>
    public PostgresStatement WithAll(int[] values) => Add(new NpgsqlParameter<int[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer });

    /// <inheritdoc cref="With(long)"/>
    public PostgresStatement WithAll(bool[] values) => Add(new NpgsqlParameter<bool[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Boolean });

    /// <inheritdoc cref="With(long)"/>
    public PostgresStatement WithAll(string?[] values) => Add(new NpgsqlParameter<string?[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });

    /// <inheritdoc cref="With(long)"/>
    public PostgresStatement WithAll(byte[]?[] values) => Add(new NpgsqlParameter<byte[]?[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea });

    /// <inheritdoc cref="With(long)"/>
    public PostgresStatement WithAll(long?[] values) => Add(new NpgsqlParameter<long?[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint });

    /// <inheritdoc cref="With(long)"/>
    public PostgresStatement WithAll(double?[] values) => Add(new NpgsqlParameter<double?[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Double });

    /// <inheritdoc cref="With(long)"/>
    public PostgresStatement WithNull(NpgsqlDbType type) => Add(new NpgsqlParameter { Value = DBNull.Value, NpgsqlDbType = type });

    private PostgresStatement Add(NpgsqlParameter parameter)
    {
        Command.Parameters.Add(parameter);
        return this;
    }
}
