using System.Reflection;
using DpAttn.Contracts;
using DpAttn.Gateway;
using DpAttn.Storage;
using Microsoft.Extensions.Logging;

namespace DpAttn.Cluster.Tests;

/// <summary>What others say when they fail may quote a row or a name: a silo's log has their types and where it happened, and not what they say.</summary>
public class FaultLogTests
{
    private const string Planted = "planted-7d1e";
    private readonly Lines _lines = new();

    public static TheoryData<Exception, string, string> Faults => new()
    {
        { new InvalidOperationException(Planted), ProblemCodes.InternalError, nameof(InvalidOperationException) },
        { new ProblemException(ProblemCodes.ShardUnavailable, "ours", new FormatException(Planted)), ProblemCodes.ShardUnavailable, nameof(FormatException) },
    };

    [Theory]
    [MemberData(nameof(Faults), DisableDiscoveryEnumeration = true)]
    public async Task The_front_door_logs_the_kind_of_a_strangers_failure_and_not_its_words(Exception failure, string code, string kind)
    {
        var options = new ClusterOptions();
        var grain = new FrontDoorGrain(Stub.Of<IFrontDoor>(_ => throw failure), new GatewayGate(options), options, _lines.For<FrontDoorGrain>());
        var problem = await Assert.ThrowsAsync<GatewayProblemException>(() => grain.AskAsync(new Credential("key"), new DoorRequest(Operations.ListStores), CancellationToken.None));
        Assert.Equal(code, problem.Report.Code);
        RequireSaid(kind);
    }

    public static TheoryData<Exception, string> GrainFailures => new()
    {
        { new StorageUnavailableException("ours", new FormatException(Planted)), nameof(StorageUnavailableException) },
        { new ProblemException(ProblemCodes.ShardUnavailable, "ours", new FormatException(Planted)), nameof(FormatException) },
    };

    [Theory]
    [MemberData(nameof(GrainFailures), DisableDiscoveryEnumeration = true)]
    public async Task A_grain_logs_the_kind_of_a_strangers_failure_and_not_its_words(Exception failure, string kind)
    {
        var options = new ClusterOptions();
        var grain = new FrontDoorGrain(Stub.Of<IFrontDoor>(_ => null), new GatewayGate(options), options, _lines.For<FrontDoorGrain>());
        var target = Stub.Of<IGrainContext>(name => name == "get_GrainInstance" ? grain : null);
        var call = Stub.Of<IIncomingGrainCallContext>(name => name switch
        {
            "get_TargetContext" => target,
            "get_InterfaceName" => "IGrain",
            "get_MethodName" => "Call",
            _ => throw failure,
        });
        await Assert.ThrowsAsync<ProblemException>(() => new GrainFaults(_lines.For<GrainFaults>()).Invoke(call));
        RequireSaid(kind);
        Assert.Contains("ours", _lines.Text, StringComparison.Ordinal);
    }

    /// <summary>What takes an exception writes all that it says.</summary>
    [Fact]
    public void No_line_of_a_silo_takes_an_exception_as_it_is()
    {
        const BindingFlags All = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        var lines = new[] { typeof(FrontDoorGrain).Assembly, typeof(DoorClient).Assembly }
            .SelectMany(assembly => assembly.GetTypes()).SelectMany(type => type.GetMethods(All)).Where(method => method.GetCustomAttribute<LoggerMessageAttribute>() is not null).ToArray();
        Assert.True(lines.Length > 10);
        Assert.DoesNotContain(lines, method => method.GetParameters().Any(parameter => typeof(Exception).IsAssignableFrom(parameter.ParameterType)));
    }

    private void RequireSaid(string kind)
    {
        Assert.Contains(kind, _lines.Text, StringComparison.Ordinal);
        Assert.Contains("   at ", _lines.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(Planted, _lines.Text, StringComparison.Ordinal);
    }

    /// <summary>An interface of which every call does the same.</summary>
    public class Stub : DispatchProxy
    {
        private Func<string, object?> _answer = null!;

        internal static T Of<T>(Func<string, object?> answer)
            where T : class
        {
            var stub = Create<T, Stub>();
            ((Stub)(object)stub)._answer = answer;
            return stub;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => _answer(targetMethod!.Name);
    }

    /// <summary>A log as text, with what a provider would write of exceptions.</summary>
    private sealed class Lines
    {
        public string Text { get; private set; } = "";

        public ILogger<T> For<T>() => new Sink<T>(this);

        private sealed class Sink<T>(Lines lines) : ILogger<T>
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
                lines.Text += $"{formatter(state, exception)} {exception}{Environment.NewLine}";
        }
    }
}
