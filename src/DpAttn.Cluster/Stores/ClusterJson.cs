using System.Text.Json.Serialization;

namespace DpAttn.Cluster;

/// <summary>How documents are written. Members are only ever added; a changed meaning is a new format number.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoreDocument))]
[JsonSerializable(typeof(BatchDocument))]
[JsonSerializable(typeof(SegmentDocument))]
[JsonSerializable(typeof(ReleaseDocument))]
[JsonSerializable(typeof(ReleaseManifest))]
[JsonSerializable(typeof(BlockDocument))]
[JsonSerializable(typeof(BlockContent))]
[JsonSerializable(typeof(NameDocument))]
[JsonSerializable(typeof(AccountDocument))]
[JsonSerializable(typeof(KeyDocument))]
[JsonSerializable(typeof(JobDocument))]
internal sealed partial class ClusterJson : JsonSerializerContext;
