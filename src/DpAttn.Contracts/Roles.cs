namespace DpAttn.Contracts;

/// <summary>What a credential may do. Each role is a superset of nothing: an operator cannot read answers, an owner cannot make operators.</summary>
public static class Roles
{
    /// <summary>Keys of every role, the audit log, every store's directory.</summary>
    public const string Operator = "operator";

    /// <summary>Creates stores, loads, publishes, grants; makes keys of users.</summary>
    public const string Owner = "owner";

    /// <summary>Asks the stores that an owner granted.</summary>
    public const string User = "user";

    /// <summary>All roles.</summary>
    public static IReadOnlyList<string> All { get; } = [Operator, Owner, User];
}
