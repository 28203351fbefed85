using System.Text.Json.Serialization;
using DpAttn.Contracts;

namespace DpAttn.Client.Internal;

/// <summary>
/// How the contracts travel: camelCase, nulls left out, no reflection. What lacks a required property, holds a null where none may stand,
/// or states a property twice is not understood halfway but refused.
/// </summary>
[JsonSourceGenerationOptions(
    AllowDuplicateProperties = false,
    Converters = [typeof(CleanStringConverter), typeof(NumberMatrixConverter), typeof(NullableNumberMatrixConverter)],
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(AccountLookup))]
[JsonSerializable(typeof(AccountReference))]
[JsonSerializable(typeof(AppendResult))]
[JsonSerializable(typeof(AttendResponse))]
[JsonSerializable(typeof(AuditPage))]
[JsonSerializable(typeof(BudgetDescription))]
[JsonSerializable(typeof(CloseBlockRequest))]
[JsonSerializable(typeof(EstimateRequest))]
[JsonSerializable(typeof(EstimateResponse))]
[JsonSerializable(typeof(IReadOnlyList<StoreDescription>))]
[JsonSerializable(typeof(KeyCreated))]
[JsonSerializable(typeof(KeyList))]
[JsonSerializable(typeof(KeyRequest))]
[JsonSerializable(typeof(LedgerLine))]
[JsonSerializable(typeof(AcknowledgementRequest))]
[JsonSerializable(typeof(AcknowledgementResult))]
[JsonSerializable(typeof(LedgerCheck))]
[JsonSerializable(typeof(LedgerList))]
[JsonSerializable(typeof(LedgerPage))]
[JsonSerializable(typeof(LedgerVerificationRequest))]
[JsonSerializable(typeof(LimitRequest))]
[JsonSerializable(typeof(PrivacyStatement))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(PublishRequest))]
[JsonSerializable(typeof(ReleaseDescription))]
[JsonSerializable(typeof(StoreBudgets))]
[JsonSerializable(typeof(StoreDefinition))]
[JsonSerializable(typeof(StoreDescription))]
internal sealed partial class WireJson : JsonSerializerContext;
