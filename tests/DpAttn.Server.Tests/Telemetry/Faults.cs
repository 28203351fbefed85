using System.Reflection;
using DpAttn.Storage;

namespace DpAttn.Server.Tests.Telemetry;

/// <summary>A part of the storage whose calls fail while it is told so, as a driver fails that quotes its connection string.</summary>
public class Faults : DispatchProxy
{
    private object? _target;

    /// <summary>The calls that fail.</summary>
    public string[] Failing { get; set; } = [];

    public static T Before<T>(T target)
        where T : class
    {
        var proxy = Create<T, Faults>();
        ((Faults)(object)proxy)._target = target;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => Failing.Contains(targetMethod!.Name)
        ? throw new StorageUnavailableException("the database cannot be reached", new IOException($"Host=db;Username={Secrets.User};Password={Secrets.Password}"))
        : targetMethod.Invoke(_target, args);
}
