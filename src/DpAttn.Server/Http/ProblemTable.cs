using System.Collections.Frozen;
using DpAttn.Contracts;

namespace DpAttn.Server.Http;

/// <summary>The one mapping from problem codes to HTTP.</summary>
internal static class ProblemTable
{
    public static IReadOnlyList<ProblemKind> All { get; } =
    [
        new(ProblemCodes.InvalidRequest, StatusCodes.Status400BadRequest, "The request breaks a rule", false),
        new(ProblemCodes.Unauthenticated, StatusCodes.Status401Unauthorized, "No valid credential", false),
        new(ProblemCodes.Forbidden, StatusCodes.Status403Forbidden, "Not allowed", false),
        new(ProblemCodes.BudgetExhausted, StatusCodes.Status403Forbidden, "The privacy budget does not admit this", false),
        new(ProblemCodes.NotFound, StatusCodes.Status404NotFound, "Not found", false),
        new(ProblemCodes.Conflict, StatusCodes.Status409Conflict, "The name is taken", false),
        new(ProblemCodes.NotPublished, StatusCodes.Status409Conflict, "Nothing is published yet", false),
        new(ProblemCodes.NotOpened, StatusCodes.Status409Conflict, "No tier is open", false),
        new(ProblemCodes.RowPublished, StatusCodes.Status409Conflict, "The row stands in a release", false),
        new(ProblemCodes.RequestInUse, StatusCodes.Status409Conflict, "The same request is being worked on", true, 1),
        new(ProblemCodes.ReleaseRetired, StatusCodes.Status410Gone, "The release was retired", false),
        new(ProblemCodes.AnswerExpired, StatusCodes.Status410Gone, "The stored answer has expired", false),
        new(ProblemCodes.TooLarge, StatusCodes.Status413PayloadTooLarge, "Too large", false),
        new(ProblemCodes.RequestConflict, StatusCodes.Status422UnprocessableEntity, "The idempotency key was used for something else", false),
        new(ProblemCodes.RateLimited, StatusCodes.Status429TooManyRequests, "Too many requests", true, 1),
        new(ProblemCodes.InternalError, StatusCodes.Status500InternalServerError, "A fault of the server", false),
        new(ProblemCodes.LedgerUnavailable, StatusCodes.Status503ServiceUnavailable, "The ledger cannot be reached", true, 2),
        new(ProblemCodes.LedgerClosed, StatusCodes.Status503ServiceUnavailable, "The ledger is closed until an operator acknowledges what was found", false),
        new(ProblemCodes.ChargeUnknown, StatusCodes.Status503ServiceUnavailable, "The outcome is unknown", true, 1),
        new(ProblemCodes.ShardUnavailable, StatusCodes.Status503ServiceUnavailable, "Part of the cluster cannot be reached", true, 2),
        new(ProblemCodes.StorageFull, StatusCodes.Status503ServiceUnavailable, "The storage is full", true, 30),
        new(ProblemCodes.Busy, StatusCodes.Status503ServiceUnavailable, "Too much is under way", true, 1),
    ];

    private static readonly FrozenDictionary<string, ProblemKind> ByCode = All.ToFrozenDictionary(kind => kind.Code);

    /// <summary>The kind of a code; an unknown code is a fault of the server.</summary>
    public static ProblemKind Of(string code) => ByCode.GetValueOrDefault(code) ?? ByCode[ProblemCodes.InternalError];

    /// <summary>The code for a status that the framework chose.</summary>
    public static string CodeOf(int status) => status switch
    {
        StatusCodes.Status401Unauthorized => ProblemCodes.Unauthenticated,
        StatusCodes.Status403Forbidden => ProblemCodes.Forbidden,
        StatusCodes.Status404NotFound => ProblemCodes.NotFound,
        StatusCodes.Status413PayloadTooLarge => ProblemCodes.TooLarge,
        >= 500 => ProblemCodes.InternalError,
        _ => ProblemCodes.InvalidRequest,
    };
}
