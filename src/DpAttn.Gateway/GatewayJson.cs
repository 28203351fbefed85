using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using DpAttn.Contracts;

namespace DpAttn.Gateway;

/// <summary>How documents travel: as over HTTP. What a newer side adds is passed over; what lacks a required member, or holds a null where none may stand, is refused.</summary>
[JsonSourceGenerationOptions(
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(AccountLookup))]
[JsonSerializable(typeof(AccountReference))]
[JsonSerializable(typeof(AcknowledgementRequest))]
[JsonSerializable(typeof(AcknowledgementResult))]
[JsonSerializable(typeof(AnswerSummary))]
[JsonSerializable(typeof(AppendResult))]
[JsonSerializable(typeof(AttendTerms))]
[JsonSerializable(typeof(AuditPage))]
[JsonSerializable(typeof(BudgetDescription))]
[JsonSerializable(typeof(CloseBlockRequest))]
[JsonSerializable(typeof(EnsuredStore))]
[JsonSerializable(typeof(EstimateRequest))]
[JsonSerializable(typeof(EstimateResponse))]
[JsonSerializable(typeof(IReadOnlyList<ReleaseDescription>))]
[JsonSerializable(typeof(IReadOnlyList<StoreDescription>))]
[JsonSerializable(typeof(KeyCreated))]
[JsonSerializable(typeof(KeyList))]
[JsonSerializable(typeof(KeyRequest))]
[JsonSerializable(typeof(LedgerCheck))]
[JsonSerializable(typeof(LedgerList))]
[JsonSerializable(typeof(LedgerPage))]
[JsonSerializable(typeof(LedgerVerificationRequest))]
[JsonSerializable(typeof(LimitRequest))]
[JsonSerializable(typeof(PrivacyStatement))]
[JsonSerializable(typeof(ProblemReport))]
[JsonSerializable(typeof(PublishRequest))]
[JsonSerializable(typeof(ReleaseDescription))]
[JsonSerializable(typeof(StoreBudgets))]
[JsonSerializable(typeof(StoreDefinition))]
[JsonSerializable(typeof(StoreDescription))]
[JsonSerializable(typeof(Caller))]
internal sealed partial class GatewayJson : JsonSerializerContext
{
    /// <summary>The document of a value.</summary>
    public static Document Write<T>(T value) => new(JsonSerializer.SerializeToUtf8Bytes(value, Info<T>()));

    /// <summary>The value of a document.</summary>
    /// <exception cref="JsonException">It is another.</exception>
    public static T Read<T>(Document? document) =>
        JsonSerializer.Deserialize((document ?? Document.Empty).Utf8.Span, Info<T>()) ?? throw new JsonException("null where a value is needed");

    internal static JsonTypeInfo<T> Info<T>() => (JsonTypeInfo<T>)(Default.GetTypeInfo(typeof(T)) ?? throw new NotSupportedException($"{typeof(T)} does not cross a gateway"));
}
