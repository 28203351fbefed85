using System.Reflection;
using System.Runtime.CompilerServices;
using Orleans.Serialization.Invocation;

namespace DpAttn.Cluster.Tests.Messages;

/// <summary>What the engine writes of a request when it complains about one.</summary>
public sealed class RequestTextTests
{
    private const string Planted = "planted-7c1d";

    [Fact]
    public void The_engines_text_of_a_request_holds_no_argument_that_a_caller_chose()
    {
        var told = new List<string>();
        var requests = typeof(ClusterOptions).Assembly.GetTypes().Where(type => typeof(IInvokable).IsAssignableFrom(type) && !type.IsAbstract).ToList();
        Assert.True(requests.Count > 10);
        var planted = 0;
        foreach (var type in requests)
        {
            var request = (IInvokable)RuntimeHelpers.GetUninitializedObject(type);
            var parameters = type.GetFields(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance).Where(field => field.Name.StartsWith("arg", StringComparison.Ordinal)).ToList();
            foreach (var field in parameters.Where(field => !field.FieldType.IsValueType))
                field.SetValue(request, field.FieldType == typeof(string) ? Planted : Plant(field.FieldType));
            planted += parameters.Count(field => field.GetValue(request) is not null);
            told.Add(request.ToString()!);
        }
        Assert.True(planted > 15);
        Assert.DoesNotContain(told, text => text.Contains(Planted, StringComparison.Ordinal));
    }

    private static object? Plant(Type type)
    {
        if (type.IsInterface || type.IsArray || type.IsAbstract)
            return null;
        var planted = RuntimeHelpers.GetUninitializedObject(type);
        foreach (var field in type.GetFields(BindingFlags.NonPublic | BindingFlags.Instance).Where(field => field.FieldType == typeof(string)))
            field.SetValue(planted, Planted);
        return planted;
    }
}
