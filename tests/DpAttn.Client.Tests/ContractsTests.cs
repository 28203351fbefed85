using System.Reflection;
using DpAttn.Contracts;

namespace DpAttn.Client.Tests;

public class ContractsTests
{
    /// <summary>The server leaves nulls out, and the client insists on what is required: so what may be null must be optional.</summary>
    [Fact]
    public void What_may_be_null_may_be_absent()
    {
        var nullability = new NullabilityInfoContext();
        var demanded =
            from type in typeof(StoreDefinition).Assembly.GetExportedTypes()
            from constructor in type.GetConstructors()
            from parameter in constructor.GetParameters()
            where parameter.ParameterType != type
            where nullability.Create(parameter).WriteState == NullabilityState.Nullable && !parameter.HasDefaultValue
            select $"{type.Name}.{parameter.Name}";
        Assert.Empty(demanded);
    }
}
