namespace DpAttn.Cli;

/// <summary>The ledger refused; nothing was charged.</summary>
internal sealed class RefusedByBudgetException(string message) : Exception(message);

/// <summary>Files that do not fit together.</summary>
internal sealed class DataFaultException(string message) : Exception(message);
