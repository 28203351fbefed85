namespace DpAttn.Gateway;

/// <summary>What can be asked of the front door with a document or less, each as the HTTP call of the same purpose.</summary>
internal static class Operations
{
    public const string Authenticate = "authenticate";
    public const string CreateKey = "createKey";
    public const string ListKeys = "listKeys";
    public const string RevokeKey = "revokeKey";
    public const string EnsureStore = "ensureStore";
    public const string DeleteStore = "deleteStore";
    public const string GetStore = "getStore";
    public const string ListStores = "listStores";
    public const string EraseRow = "eraseRow";
    public const string Publish = "publish";
    public const string GetRelease = "getRelease";
    public const string ListReleases = "listReleases";
    public const string CloseBlock = "closeBlock";
    public const string RetireRelease = "retireRelease";
    public const string GetPrivacyStatement = "getPrivacyStatement";
    public const string Estimate = "estimate";
    public const string GetMyBudget = "getMyBudget";
    public const string ListMyLedger = "listMyLedger";
    public const string ListLedger = "listLedger";
    public const string ListBudgets = "listBudgets";
    public const string GetBudget = "getBudget";
    public const string SetBudget = "setBudget";
    public const string SetStoreBudget = "setStoreBudget";
    public const string FindAccount = "findAccount";
    public const string ListAudit = "listAudit";
    public const string ListLedgers = "listLedgers";
    public const string VerifyLedger = "verifyLedger";
    public const string AcknowledgeLedgers = "acknowledgeLedgers";
}
