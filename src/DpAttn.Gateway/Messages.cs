namespace DpAttn.Gateway;

/// <summary>A credential on its way. The engine writes arguments of late calls into its log: this one says nothing of itself.</summary>
[GenerateSerializer, Immutable, Alias(GatewayNames.Credential)]
internal sealed class Credential(string? value)
{
    [Id(0)]
    public string? Value { get; } = value;

    public override string ToString() => "***";
}

/// <summary>A document of the contracts as the HTTP interface would write it: UTF-8 JSON.</summary>
[GenerateSerializer, Immutable, Alias(GatewayNames.Document)]
internal sealed class Document(ReadOnlyMemory<byte> utf8)
{
    /// <summary>The most bytes that a client sends: 1 MiB. What silos answer may be longer.</summary>
    public const int MostSentBytes = 1 << 20;

    /// <summary>For operations that answer with nothing.</summary>
    public static readonly Document Empty = new(default);

    [Id(0)]
    public ReadOnlyMemory<byte> Utf8 { get; } = utf8;

    public override string ToString() => $"a document of {Utf8.Length} bytes";
}

/// <summary>Asks for an operation. What each one means by the members is what the HTTP call means by its path and query.</summary>
[GenerateSerializer, Immutable, Alias(GatewayNames.Request)]
internal sealed class DoorRequest(string operation, string? store = null, string? name = null, long number = 0, string? text = null, Document? body = null)
{
    /// <summary>One of <see cref="Operations"/>.</summary>
    [Id(0)]
    public string Operation { get; } = operation;

    /// <summary>The store's name.</summary>
    [Id(1)]
    public string? Store { get; } = store;

    /// <summary>What of it: a release, an account, a batch; or a key's id.</summary>
    [Id(2)]
    public string? Name { get; } = name;

    /// <summary>A row's index, a page's length, or where a page begins.</summary>
    [Id(3)]
    public long Number { get; } = number;

    /// <summary>A cursor or an idempotency key.</summary>
    [Id(4)]
    public string? Text { get; } = text;

    /// <summary>The body, or null.</summary>
    [Id(5)]
    public Document? Body { get; } = body;

    public override string ToString() => Operation;
}

/// <summary>A piece of numbers, as bytes.</summary>
[GenerateSerializer, Immutable, Alias(GatewayNames.Block)]
internal sealed class Block(ReadOnlyMemory<byte> bytes)
{
    /// <summary>The most bytes in one message.</summary>
    public const int MostBytes = 1 << 20;

    [Id(0)]
    public ReadOnlyMemory<byte> Bytes { get; } = bytes;

    public override string ToString() => $"{Bytes.Length} bytes";
}

/// <summary>A batch of rows: keys, values and, where there are any, marks of null slots, one after another, little-endian.</summary>
[GenerateSerializer, Immutable, Alias(GatewayNames.AppendHeader)]
internal sealed class AppendHeader(string store, string batch, BatchShape shape, bool clip, long transfer, Block? content)
{
    [Id(0)]
    public string Store { get; } = store;

    [Id(1)]
    public string Batch { get; } = batch;

    [Id(2)]
    public BatchShape Shape { get; } = shape;

    [Id(3)]
    public bool Clip { get; } = clip;

    /// <summary>What the client calls it.</summary>
    [Id(4)]
    public long Transfer { get; } = transfer;

    /// <summary>All of it, where it fits.</summary>
    [Id(5)]
    public Block? Content { get; } = content;

    public override string ToString() => $"{Shape.Rows} rows";
}

/// <summary>Queries, m x d float64, little-endian, and what may be opened for them.</summary>
[GenerateSerializer, Immutable, Alias(GatewayNames.AttendHeader)]
internal sealed class AttendHeader(string store, int queries, int columns, Document options, long transfer, Block? content)
{
    [Id(0)]
    public string Store { get; } = store;

    [Id(1)]
    public int Queries { get; } = queries;

    [Id(2)]
    public int Columns { get; } = columns;

    /// <summary>An <see cref="AttendTerms"/>.</summary>
    [Id(3)]
    public Document Options { get; } = options;

    [Id(4)]
    public long Transfer { get; } = transfer;

    /// <summary>All of them, where they fit.</summary>
    [Id(5)]
    public Block? Content { get; } = content;

    /// <summary>Of the queries; <see cref="long.MaxValue"/> where no array holds them.</summary>
    public long Bytes => Numbers.BytesOf(Queries, Columns, sizeof(double));

    public override string ToString() => $"{Queries} queries";
}

/// <summary>Answers, m x dv, in an <see cref="AnswerContent"/>.</summary>
[GenerateSerializer, Immutable, Alias(GatewayNames.AttendAnswer)]
internal sealed class AttendAnswer(Document summary, Block? content)
{
    /// <summary>An <see cref="AnswerSummary"/>.</summary>
    [Id(0)]
    public Document Summary { get; } = summary;

    /// <summary>All of it, where it fits; null where it was brought to the client.</summary>
    [Id(1)]
    public Block? Content { get; } = content;

    public override string ToString() => "answers";
}
