using System.Reflection;
using System.Text;

namespace DpAttn.Cluster.Tests;

/// <summary>What crosses between silos keeps its names: silos of two versions talk to each other while one replaces the other.</summary>
public class WireContractTests
{
    private static readonly Type[] Types = typeof(StoreGrain).Assembly.GetTypes();
    private static readonly Type[] Interfaces = [.. Types.Where(type => type.IsInterface && typeof(IGrain).IsAssignableFrom(type)).OrderBy(type => type.Name, StringComparer.Ordinal)];
    private static readonly Type[] Messages =
        [.. Types.Where(type => type.GetCustomAttribute<GenerateSerializerAttribute>() is not null || type == typeof(LongBlock)).OrderBy(type => type.Name, StringComparer.Ordinal)];

    /// <summary>A line that changes is a silo of the other version that does not understand: names are added, never changed or given to something else.</summary>
    [Fact]
    public void The_wire_is_the_one_that_is_written_down() => Golden.Require("wire-1.txt", Encoding.UTF8.GetBytes(Describe()));

    [Fact]
    public void Every_interface_method_and_message_has_a_name_of_its_own()
    {
        Assert.Equal(5, Interfaces.Length);
        Assert.Equal(22, Messages.Length);
        var names = Interfaces.Concat(Messages).Select(type => type.GetCustomAttribute<AliasAttribute>()?.Alias).ToArray();
        Assert.All(names, Assert.NotNull);
        Assert.Equal(names.Length, names.Distinct().Count());
        foreach (var type in Interfaces)
        {
            var methods = type.GetMethods().Select(method => method.GetCustomAttribute<AliasAttribute>()?.Alias).ToArray();
            Assert.All(methods, Assert.NotNull);
            Assert.Equal(methods.Length, methods.Distinct().Count());
        }
    }

    [Fact]
    public void Every_name_is_listed_in_one_place_and_used()
    {
        var constants = typeof(WireNames).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (string)field.GetRawConstantValue()!).Order().ToArray();
        var used = Interfaces.Concat(Messages).Select(type => type.GetCustomAttribute<AliasAttribute>()!.Alias).Order().ToArray();
        Assert.Equal(constants, used);
        Assert.All(constants, name => Assert.StartsWith("dpattn.", name));
    }

    [Fact]
    public void Every_grain_says_its_type()
    {
        var grains = Types.Where(type => type.IsSubclassOf(typeof(Grain))).ToArray();
        Assert.Equal(6, grains.Length);
        foreach (var grain in grains)
        {
            var contract = Assert.Single(grain.GetInterfaces(), type => Interfaces.Contains(type) || type == typeof(Gateway.IFrontDoorGrain));
            var stated = Assert.Single(grain.GetCustomAttributesData(), data => data.AttributeType == typeof(GrainTypeAttribute));
            Assert.Equal(contract.GetCustomAttribute<AliasAttribute>()!.Alias, stated.ConstructorArguments[0].Value);
        }
    }

    [Fact]
    public void Every_member_of_a_message_has_a_number_of_its_own()
    {
        foreach (var message in Messages.Where(message => message != typeof(LongBlock)))
        {
            var members = Members(message).ToArray();
            Assert.NotEmpty(members);
            Assert.Equal(Enumerable.Range(0, members.Length), members.Select(member => (int)member.Id).Order());
        }
    }

    /// <summary>The engine writes a request's arguments into its logs when it is late: what they say of themselves must not be numbers of rows or queries.</summary>
    [Fact]
    public void Messages_tell_no_numbers_of_rows_and_queries_when_they_are_logged()
    {
        var asked = new AnswerCommand("r1", 0, 1, [0.12345, 0.67890], false).ToString();
        var answered = new AnswerBatch(1, [0.12345], [0.12345], [0.12345], [0.12345], [true], [true], 0.5).ToString();
        var summed = new LongBlock([123450678]).ToString();
        var opened = new OpenCommand("k", [77, 77, 77], "r1", 0).ToString();
        var bought = new AskCommand("a", "k", [77, 77], 0, 1, [0.12345, 0.67890], false).ToString();
        var shared = new QuerySumsCommand(1, 0, [77, 77], 1, new LongBlock([123450678])).ToString();
        var noised = new PartSums([new LongBlock([123450678])]).ToString();
        var done = new ShardProgress(1, 1, true, 5, null, [77, 77]).ToString();
        Assert.All(new[] { asked, answered, summed, opened, bought, shared, noised, done }, text =>
        {
            Assert.DoesNotContain("12345", text);
            Assert.DoesNotContain("67890", text);
            Assert.DoesNotContain("77", text);
        });
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
            foreach (var (id, name, member) in Members(type).OrderBy(member => member.Id))
                text.Append($"{NameOf(type)} {id} {name}: {NameOf(member)}\n");
        }
        return text.ToString();
    }

    private static IEnumerable<(uint Id, string Name, Type Type)> Members(Type type) => type
        .GetProperties(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.DeclaredOnly)
        .Where(property => property.GetCustomAttribute<IdAttribute>() is not null)
        .Select(property => (property.GetCustomAttribute<IdAttribute>()!.Id, property.Name, property.PropertyType));

    private static string NameOf(Type type)
    {
        if (type.GetCustomAttribute<AliasAttribute>() is { } alias && type.Assembly == typeof(StoreGrain).Assembly)
            return alias.Alias;
        if (type.IsArray)
            return $"{NameOf(type.GetElementType()!)}[]";
        return type.IsGenericType ? $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>" : type.Name;
    }
}
