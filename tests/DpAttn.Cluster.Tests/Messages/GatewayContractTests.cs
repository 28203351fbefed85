using System.Reflection;
using System.Text;
using DpAttn.Gateway;

namespace DpAttn.Cluster.Tests;

/// <summary>What crosses between fronts and silos keeps its names: fronts of one version ask silos of another while one replaces the other.</summary>
public class GatewayContractTests
{
    private static readonly Type[] Types = typeof(IFrontDoorGrain).Assembly.GetTypes();
    private static readonly Type[] Interfaces = [.. Types.Where(type => type.IsInterface && typeof(IAddressable).IsAssignableFrom(type)).OrderBy(type => type.Name, StringComparer.Ordinal)];
    private static readonly Type[] Messages = [.. Types.Where(type => type.GetCustomAttribute<GenerateSerializerAttribute>() is not null).OrderBy(type => type.Name, StringComparer.Ordinal)];

    /// <summary>A line that changes is a process of the other version that does not understand: names are added, never changed or given to something else.</summary>
    [Fact]
    public void Settings_of_a_gateway_never_say_their_connection_string()
    {
        var settings = new GatewaySettings { ClusterId = "c", MembershipConnection = "Host=db;Password=planted-5c1" };
        Assert.Equal("cluster c, its gateways found in a database", $"{settings}");
    }

    [Fact]
    public void The_wire_is_the_one_that_is_written_down() => Golden.Require("gateway-1.txt", Encoding.UTF8.GetBytes(Describe()));

    [Fact]
    public void Every_name_is_listed_in_one_place_and_used()
    {
        var constants = typeof(GatewayNames).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (string)field.GetRawConstantValue()!).Order().ToArray();
        var used = Interfaces.Concat(Messages).Select(type => type.GetCustomAttribute<AliasAttribute>()!.Alias).Order().ToArray();
        Assert.Equal(constants, used);
        Assert.Equal(constants.Length, constants.Distinct().Count());
        Assert.Equal((2, 9), (Interfaces.Length, Messages.Length));
    }

    /// <summary>The engine writes a request's arguments into its logs when it is late.</summary>
    [Fact]
    public void Messages_tell_no_keys_names_or_numbers_when_they_are_logged()
    {
        byte[] secret = "quite-secret"u8.ToArray();
        var document = new Document(secret);
        object[] messages =
        [
            new Credential("quite-secret"), document, new Block(secret), new DoorRequest(Operations.FindAccount, name: "quite-secret", text: "quite-secret", body: document),
            new AppendHeader("s", "quite-secret", new BatchShape(1, 1, true, 1, true, false), false, 1, new Block(secret)), new AttendHeader("s", 1, 1, document, 1, new Block(secret)), new AttendAnswer(document, new Block(secret)),
        ];
        Assert.All(messages, message => Assert.DoesNotContain("secret", message.ToString()));
    }

    /// <summary>A batch that is asked for with what is not one must not take memory that nobody counts.</summary>
    [Theory]
    [InlineData(0, 1, 1)]
    [InlineData(1, -1, 1)]
    [InlineData(int.MinValue, 2, 2)]
    public void Shapes_that_cannot_be_are_told(int rows, int keys, int values) => Assert.False(new BatchShape(rows, keys, true, values, true, false).IsPossible);

    [Fact]
    public void Shapes_beyond_any_array_count_as_endless()
    {
        Assert.Equal(long.MaxValue, new BatchShape(int.MaxValue, int.MaxValue, true, 1, true, false).Bytes);
        Assert.Equal(4 * 3 * 4 + 4 * 2 * 8 + 4, new BatchShape(4, 3, false, 2, true, true).Bytes);
    }

    private static string Describe()
    {
        var text = new StringBuilder();
        foreach (var type in Interfaces)
        {
            foreach (var method in type.GetMethods().OrderBy(method => method.Name, StringComparer.Ordinal))
                text.Append($"{NameOf(type)} {method.GetCustomAttribute<AliasAttribute>()!.Alias}({string.Join(", ", method.GetParameters().Select(p => NameOf(p.ParameterType)))}): {NameOf(method.ReturnType)}\n");
        }
        foreach (var type in Messages)
        {
            foreach (var member in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.GetCustomAttribute<IdAttribute>() is not null).OrderBy(property => property.GetCustomAttribute<IdAttribute>()!.Id))
                text.Append($"{NameOf(type)} {member.GetCustomAttribute<IdAttribute>()!.Id} {member.Name}: {NameOf(member.PropertyType)}\n");
        }
        foreach (var field in typeof(Operations).GetFields(BindingFlags.Public | BindingFlags.Static).OrderBy(field => field.Name, StringComparer.Ordinal))
            text.Append($"operation {field.GetRawConstantValue()}\n");
        return text.ToString();
    }

    private static string NameOf(Type type)
    {
        if (type.GetCustomAttribute<AliasAttribute>() is { } alias && type.Assembly == typeof(IFrontDoorGrain).Assembly)
            return alias.Alias;
        return type.IsGenericType ? $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>" : type.Name;
    }
}
