using System.Text.Json;
using DpAttn.Cli.Tests.Files;
using DpAttn.Contracts;

namespace DpAttn.Cli.Tests.Remote;

public sealed class StoreVerbTests : IDisposable
{
    private static readonly string[] Create = ["store", "create", "packages", "--key-dimension", "2", "--value-dimension", "1", "--key-radius", "1", "--value-radius", "1", "--ladder", "0.5,1", "--limit", "1", "--capacity", "1000"];

    private readonly Scratch _files = new();
    private StoreDefinition? _made;

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_store_is_made_from_flags_and_shown()
    {
        var verb = Making().Done(Create);
        Assert.Equal(JsonSerializer.Serialize(Samples.Store.Definition), JsonSerializer.Serialize(_made));
        Assert.Contains("Store packages", verb.Output);
        Assert.Contains("10 of at most 1,000", verb.Output);
        Assert.Contains("epsilon 0.5, 1", verb.Output);
        Assert.Equal("", verb.Error);
    }

    [Fact]
    public void Every_flag_reaches_the_definition()
    {
        Making().Done(
            "store", "create", "packages", "--key-dimension", "3", "--value-dimension", "2", "--key-box", "-1,2.5", "--query-radius", "4", "--value-entry", "0.5",
            "--scale", "2", "--adjacency", "add-remove", "--degree", "3", "--kernel", "taylor", "--delta", "1e-9", "--ladder", "0.25", "--limit", "7", "--capacity", "99", "--public-rows", "50", "--shards", "16");
        var expected = new StoreDefinition
        {
            KeyDimension = 3,
            ValueDimension = 2,
            Keys = new RegionBound(Box: new BoxBound([-1], [2.5])),
            Queries = new RegionBound(Ball: new BallBound(4)),
            Values = new ValueBoundStatement(Entry: 0.5),
            Scale = 2,
            Adjacency = "add-remove",
            Mechanism = new MechanismDefinition(Degree: 3, Kernel: "taylor"),
            Delta = 1e-9,
            Ladder = [0.25],
            Limit = 7,
            Capacity = 99,
            PublicRows = 50,
            Shards = 16,
        };
        Assert.Equal(JsonSerializer.Serialize(expected), JsonSerializer.Serialize(_made));
    }

    [Fact]
    public void The_flags_of_a_distance_tree_reach_the_definition()
    {
        Making().Done(
            "store", "create", "packages", "--key-dimension", "3", "--value-dimension", "2", "--key-box", "0,1", "--value-radius", "1", "--mechanism", "distance-tree", "--degree", "4",
            "--alpha", "0.25", "--grid-cells", "512", "--copies", "3", "--ladder", "0.25", "--limit", "7", "--capacity", "99");
        Assert.Equal(new MechanismDefinition("distance-tree", 4, null, 0.25, 512, 3), _made!.Mechanism);
    }

    [Fact]
    public void The_flags_of_all_levels_reach_the_definition()
    {
        Making().Done(
            "store", "create", "packages", "--key-dimension", "3", "--value-dimension", "2", "--key-box", "0,1", "--value-radius", "1", "--levels", "all", "--block-rows", "512",
            "--ladder", "0.25", "--limit", "7", "--capacity", "99");
        Assert.Equal(new MechanismDefinition(Levels: "all", BlockRows: 512), _made!.Mechanism);
    }

    [Fact]
    public void The_flags_of_a_continual_store_reach_the_definition()
    {
        Making().Done(
            "store", "create", "packages", "--key-dimension", "3", "--value-dimension", "2", "--key-box", "0,1", "--value-radius", "1", "--levels", "all", "--block-rows", "512", "--continual", "--slots", "public-schedule",
            "--ladder", "0.25", "--limit", "7", "--capacity", "99");
        Assert.Equal(new MechanismDefinition(Levels: "all", BlockRows: 512, Continual: true, Slots: "public-schedule"), _made!.Mechanism);
    }

    [Fact]
    public void The_open_block_is_closed_by_its_number_or_by_what_the_release_says()
    {
        var grown = Samples.Release("published") with { Continual = new ContinualDescription(3, 2, 5, 1024, 64, false) };
        var closed = new List<(string, string, long)>();
        var client = new FakeClient
        {
            GetRelease = (_, _) => grown,
            CloseBlock = (store, release, block) =>
            {
                closed.Add((store, release, block));
                return grown with { Continual = new ContinualDescription(4, 3, 0, 1024, 64, false) };
            },
        };
        var done = new Verb { Client = client }.Done("store", "close-block", "packages", "r1");
        new Verb { Client = client }.Done("store", "close-block", "packages", "r1", "--block", "2");
        Assert.Equal([("packages", "r1", 3), ("packages", "r1", 2)], closed);
        Assert.Contains("3 released of 4 closed; 64 at most, of 1,024 slots", done.Output);
        Assert.Contains("block 4, 0 slots", done.Output);
    }

    [Fact]
    public void A_definition_may_come_from_a_file()
    {
        var path = _files.Write("definition.json", """{"keyDimension":2,"valueDimension":1,"keys":{"ball":{"radius":1,"centre":[0.5,0]}},"values":{"radius":1},"ladder":[0.5,1],"limit":1,"capacity":1000}""");
        Making().Done("store", "create", "packages", "--definition", path);
        Assert.Equal([0.5, 0], _made!.Keys.Ball!.Centre!);
        Assert.Equal("replace-one", _made.Adjacency);
    }

    [Theory]
    [InlineData("""{"keyDimension":2}""", "definition.json is no definition: ")]
    [InlineData("""{"keyDimension":"x"}""", "definition.json is no definition: $.keyDimension, line 1, byte")]
    [InlineData("""{"keyDimensions":2}""", "definition.json is no definition: ")]
    [InlineData("""{"keyDimension":2,"keyDimension":3}""", "definition.json is no definition: ")]
    [InlineData("null", "definition.json holds null where a definition is needed")]
    [InlineData("{", "definition.json is no definition: ")]
    public void A_file_that_is_no_definition_is_refused_with_the_place(string json, string message)
    {
        var path = _files.Write("definition.json", json);
        Assert.StartsWith("dpattn: " + message, Making().Fails(1, "store", "create", "packages", "--definition", path));
        Assert.Null(_made);
    }

    [Theory]
    [InlineData("--key-dimension", "state --key-dimension: d, how many numbers a key has")]
    [InlineData("--value-dimension", "state --value-dimension: dv, how many numbers a value has")]
    [InlineData("--key-radius", "state --key-radius or --key-box: bounds are public statements of the owner and are never derived from the rows")]
    [InlineData("--value-radius", "state one of --value-radius and --value-entry: bounds are public statements of the owner and are never derived from the rows")]
    [InlineData("--ladder", "state --ladder: the epsilons of a release's tiers, or that per-query answers may be bought at, ascending, such as 0.25,0.5,1")]
    [InlineData("--limit", "state --limit: the limit of all users together, in epsilon")]
    [InlineData("--capacity", "state --capacity: how many rows (add-remove: slots) it may hold")]
    public void What_must_be_stated_is_asked_for(string left, string message)
    {
        var at = Array.IndexOf(Create, left);
        Assert.Equal("dpattn: " + message, Making().Fails(2, [.. Create[..at], .. Create[(at + 2)..]]));
        Assert.Null(_made);
    }

    [Theory]
    [InlineData("--key-box", "0,1", "dpattn: state --key-radius or --key-box, not both")]
    [InlineData("--query-box", "0", "dpattn: --query-box takes two numbers LOW,HIGH")]
    [InlineData("--value-entry", "1", "dpattn: state one of --value-radius and --value-entry")]
    [InlineData("--scale", "x", "dpattn: --scale takes finite numbers, not 'x'")]
    [InlineData("--scale", "NaN", "dpattn: --scale takes finite numbers, not 'NaN'")]
    [InlineData("--degree", "1.5", "dpattn: --degree takes a whole number, not '1.5'")]
    [InlineData("--shards", "99999999999", "dpattn: --shards lies outside 32 bits")]
    public void Flags_that_cannot_be_are_usage_faults(string flag, string value, string message)
    {
        Assert.StartsWith(message, Making().Fails(2, [.. Create, flag, value]));
        Assert.Null(_made);
    }

    [Fact]
    public void A_definition_file_and_flags_do_not_mix()
    {
        var path = _files.Write("definition.json", "{}");
        Assert.Equal("dpattn: --definition holds the whole definition; --limit does not go with it", Making().Fails(2, "store", "create", "packages", "--definition", path, "--limit", "1"));
    }

    [Fact]
    public void A_store_is_shown_with_its_releases_as_a_table_or_as_JSON()
    {
        var store = Samples.Store with { Releases = [Samples.Release("published"), Samples.Release("publishing", 0.25)] };
        var table = new Verb { Client = new() { GetStore = name => name == "packages" ? store : throw new InvalidOperationException() } }.Done("store", "show", "packages");
        Assert.Contains("publishing, 25.0 %", table.Output);
        Assert.Contains("in the l2 ball of radius 1", table.Output);
        var json = new Verb { Client = new() { GetStore = _ => store } }.Done("store", "show", "packages", "--output", "json").Json;
        Assert.Equal("inc1", json.GetProperty("incarnation").GetString());
        Assert.Equal(2, json.GetProperty("releases").GetArrayLength());
        Assert.Equal(1e-6, json.GetProperty("definition").GetProperty("delta").GetDouble());
    }

    [Fact]
    public void Stores_are_listed()
    {
        var client = new FakeClient { ListStores = () => [Samples.Store, Samples.Store with { Name = "[red]letters", State = "deleted" }] };
        var verb = new Verb { Client = client }.Done("store", "list");
        Assert.Contains("2 stores", verb.Output);
        Assert.Contains("[red]letters", verb.Output);
        Assert.Equal("packages", new Verb { Client = client }.Done("store", "list", "--output", "json").Json[0].GetProperty("name").GetString());
    }

    [Fact]
    public void A_store_is_deleted_only_when_that_is_said()
    {
        var deleted = new List<string>();
        Verb Deleting() => new() { Client = new() { DeleteStore = deleted.Add } };
        Assert.Equal("dpattn: this deletes the rows and releases of store 'packages' for ever; state --yes if that is meant", Deleting().Fails(2, "store", "delete", "packages"));
        Assert.Empty(deleted);
        Assert.Contains("Store packages is deleted", Deleting().Done("store", "delete", "packages", "--yes").Output);
        Assert.True(Deleting().Done("store", "delete", "packages", "--yes", "--output", "json").Json.GetProperty("deleted").GetBoolean());
        Assert.Equal(["packages", "packages"], deleted);
    }

    [Fact]
    public void A_statement_is_printed_with_every_digit()
    {
        var statement = new PrivacyStatement
        {
            Store = "packages",
            Incarnation = "inc1",
            Release = "r1",
            Adjacency = "replace-one",
            Mechanism = new MechanismDefinition(),
            Definition = Samples.Store.Definition,
            Delta = 1e-6,
            Sensitivity = 0.1 + 0.2,
            SensitivitySteps = "123456789012345678901234567890",
            FeatureExponent = 19,
            ValueExponent = 15,
            GammaSteps = 32768,
            Features = 6,
            Dimension = 12,
            KernelCoefficients = [1, 1, 0.5],
            KernelRelativeError = 0.1,
            Tiers = [],
            GaussianShareOfDelta = 0.999,
            SamplerVersion = 1,
            Slots = 10,
            ManifestDigest = "00ff",
            NotProtected = ["row count"],
        };
        var verb = new Verb { Client = new() { GetStatement = (store, release) => (store, release) == ("packages", "r1") ? statement : throw new InvalidOperationException() } }.Done("store", "statement", "packages", "r1");
        Assert.Contains("0.30000000000000004", verb.Output);
        Assert.Equal(JsonSerializer.Serialize(statement), JsonSerializer.Serialize(JsonSerializer.Deserialize<PrivacyStatement>(verb.Output, JsonSerializerOptions.Web)));
    }

    private Verb Making() => new()
    {
        Client = new()
        {
            EnsureStore = (name, definition) =>
            {
                Assert.Equal("packages", name);
                _made = definition;
                return Samples.Store with { Definition = definition };
            },
        },
    };
}
