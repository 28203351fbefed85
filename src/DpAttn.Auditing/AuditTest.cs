namespace DpAttn.Auditing;

/// <summary>A threshold test: whether a statistic of the view lies above a number.</summary>
/// <param name="Statistic">0 the difference, 1 the discriminant, 2 the nearness.</param>
/// <param name="Threshold">The number.</param>
internal readonly record struct AuditTest(int Statistic, double Threshold);
