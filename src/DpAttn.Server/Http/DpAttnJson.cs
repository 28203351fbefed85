using System.Text.Json;
using System.Text.Json.Serialization;
using DpAttn.Contracts;

namespace DpAttn.Server.Http;

/// <summary>How requests and responses are read and written: strict in what comes in, and without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UseStringEnumConverter = true,
    Converters = [typeof(FiniteDoubleConverter)])]
[JsonSerializable(typeof(StoreDefinition))]
[JsonSerializable(typeof(StoreDescription))]
[JsonSerializable(typeof(IReadOnlyList<StoreDescription>))]
[JsonSerializable(typeof(AppendResult))]
[JsonSerializable(typeof(CloseBlockRequest))]
[JsonSerializable(typeof(PublishRequest))]
[JsonSerializable(typeof(ReleaseDescription))]
[JsonSerializable(typeof(IReadOnlyList<ReleaseDescription>))]
[JsonSerializable(typeof(PrivacyStatement))]
[JsonSerializable(typeof(EstimateRequest))]
[JsonSerializable(typeof(EstimateResponse))]
[JsonSerializable(typeof(LimitRequest))]
[JsonSerializable(typeof(BudgetDescription))]
[JsonSerializable(typeof(StoreBudgets))]
[JsonSerializable(typeof(LedgerPage))]
[JsonSerializable(typeof(AccountLookup))]
[JsonSerializable(typeof(AccountReference))]
[JsonSerializable(typeof(KeyRequest))]
[JsonSerializable(typeof(KeyCreated))]
[JsonSerializable(typeof(KeyList))]
[JsonSerializable(typeof(AuditPage))]
[JsonSerializable(typeof(LedgerList))]
[JsonSerializable(typeof(LedgerVerificationRequest))]
[JsonSerializable(typeof(LedgerCheck))]
[JsonSerializable(typeof(AcknowledgementRequest))]
[JsonSerializable(typeof(AcknowledgementResult))]
[JsonSerializable(typeof(Problem))]
internal sealed partial class DpAttnJson : JsonSerializerContext;

/// <summary>Numbers that stand for a finite double: JSON has no others, but 1e999 would be read as one.</summary>
internal sealed class FiniteDoubleConverter : JsonConverter<double>
{
    public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        double.IsFinite(reader.GetDouble()) ? reader.GetDouble() : throw new JsonException("the number is beyond what 64 bits can hold");

    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}
