using System.Net.Sockets;
using Npgsql;

namespace DpAttn.Storage.Tests.Postgres;

/// <summary>What each failure of the database is to a caller. Those that can be brought about are, in <see cref="OutageTests"/>.</summary>
public sealed class FailureMappingTests
{
    [Theory]
    [InlineData("53100", typeof(StorageFullException))]
    [InlineData("XX001", typeof(StorageCorruptException))]
    [InlineData("XX002", typeof(StorageCorruptException))]
    [InlineData("23505", typeof(StorageCorruptException))]
    [InlineData("23514", typeof(StorageCorruptException))]
    [InlineData("55P03", typeof(StorageUnavailableException))]
    [InlineData("57014", typeof(StorageUnavailableException))]
    [InlineData("57P01", typeof(StorageUnavailableException))]
    [InlineData("53300", typeof(StorageUnavailableException))]
    [InlineData("40P01", typeof(StorageUnavailableException))]
    public void A_failure_before_the_commit_has_changed_nothing(string state, Type expected)
    {
        var failure = PostgresFailure.Unchanged("charging", Of(state));
        Assert.IsType(expected, failure);
        Assert.StartsWith("charging: ", failure.Message);
        Assert.EndsWith("nothing was changed", failure.Message);
    }

    [Theory]
    [InlineData("23505", true)]
    [InlineData("40001", true)]
    [InlineData("40P01", true)]
    [InlineData("40003", false)]
    [InlineData("57P01", false)]
    [InlineData("57014", false)]
    [InlineData("08006", false)]
    [InlineData("53100", false)]
    public void Only_what_says_so_was_rolled_back_by_a_failed_commit(string state, bool isRolledBack) =>
        Assert.Equal(isRolledBack, PostgresFailure.IsRolledBack(Of(state)));

    [Fact]
    public void Nothing_of_the_way_to_the_server_says_that_a_commit_was_rolled_back()
    {
        foreach (var failure in new Exception[] { new NpgsqlException("lost", new IOException()), new NpgsqlException("late", new TimeoutException()), new TimeoutException(), new SocketException() })
        {
            Assert.True(PostgresFailure.IsDatabase(failure));
            Assert.False(PostgresFailure.IsRolledBack(failure));
            Assert.Contains("unknown", PostgresFailure.Unknown("charging", failure).Message);
        }
    }

    [Theory]
    [InlineData("40P01", true)]
    [InlineData("40001", true)]
    [InlineData("57P01", true)]
    [InlineData("57P03", true)]
    [InlineData("55P03", false)]
    [InlineData("57014", false)]
    [InlineData("53100", false)]
    [InlineData("23505", false)]
    public void What_met_another_transaction_or_a_restart_is_tried_again(string state, bool isWorthRetrying) =>
        Assert.Equal(isWorthRetrying, PostgresFailure.IsWorthRetrying(Of(state)));

    private static PostgresException Of(string state) => new("some words", "ERROR", "ERROR", state);
}
