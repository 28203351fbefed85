using System.Text.Json.Serialization;
using DpAttn.Contracts;

namespace DpAttn.Server.Http;

/// <summary>The same types as <see cref="DpAttnJson"/> for the OpenAPI document, whose exporter cannot look into a converter.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(StoreDefinition))]
[JsonSerializable(typeof(StoreDescription))]
[JsonSerializable(typeof(IReadOnlyList<StoreDescription>))]
[JsonSerializable(typeof(RowLine))]
[JsonSerializable(typeof(AppendResult))]
[JsonSerializable(typeof(CloseBlockRequest))]
[JsonSerializable(typeof(PublishRequest))]
[JsonSerializable(typeof(ReleaseDescription))]
[JsonSerializable(typeof(IReadOnlyList<ReleaseDescription>))]
[JsonSerializable(typeof(PrivacyStatement))]
[JsonSerializable(typeof(AttendRequest))]
[JsonSerializable(typeof(AttendResponse))]
[JsonSerializable(typeof(EstimateRequest))]
[JsonSerializable(typeof(EstimateResponse))]
[JsonSerializable(typeof(LimitRequest))]
[JsonSerializable(typeof(BudgetDescription))]
[JsonSerializable(typeof(StoreBudgets))]
[JsonSerializable(typeof(LedgerPage))]
[JsonSerializable(typeof(LedgerLine))]
[JsonSerializable(typeof(AccountLookup))]
[JsonSerializable(typeof(AccountReference))]
[JsonSerializable(typeof(KeyRequest))]
[JsonSerializable(typeof(KeyCreated))]
[JsonSerializable(typeof(KeyList))]
[JsonSerializable(typeof(AuditPage))]
[JsonSerializable(typeof(AuditLine))]
[JsonSerializable(typeof(LedgerList))]
[JsonSerializable(typeof(LedgerVerificationRequest))]
[JsonSerializable(typeof(LedgerCheck))]
[JsonSerializable(typeof(AcknowledgementRequest))]
[JsonSerializable(typeof(AcknowledgementResult))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(int))]
[JsonSerializable(typeof(long))]
[JsonSerializable(typeof(double))]
[JsonSerializable(typeof(bool))]
internal sealed partial class SchemaJson : JsonSerializerContext;
