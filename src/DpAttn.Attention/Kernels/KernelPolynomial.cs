namespace DpAttn.Attention;

/// <summary>
/// The polynomial p(t) = sum c_j t^j that stands for e^t on [-L, L], with certified bounds of what the analysis needs:
/// its relative error, the sum A of its magnitudes, and how far below zero the features' inner product can reach.
/// </summary>
public sealed class KernelPolynomial
{
    /// <summary>The largest degree: multinomials of 18! still fit a double exactly.</summary>
    public const int LargestDegree = 18;

    /// <summary>The largest L: beyond it the approximation is useless at every degree that could be stored.</summary>
    public const double LargestInterval = 64;

    /// <summary>The smallest L: below it attention is the mean to 12 digits, and powers of L would leave the range of doubles.</summary>
    public const double SmallestInterval = 1.0 / (1L << 40);

    private const int GridPoints = 1 << 14;
    private readonly double[] _coefficients;

    private KernelPolynomial(KernelMethod method, double interval, double[] coefficients)
    {
        Method = method;
        Interval = interval;
        _coefficients = coefficients;
        RelativeError = BoundRelativeError();
        MagnitudeSum = BoundMagnitudeSum();
        NegativeReach = BoundNegativeReach();
    }

    /// <summary>How the coefficients were chosen.</summary>
    public KernelMethod Method { get; }

    /// <summary>L.</summary>
    public double Interval { get; }

    /// <summary>s.</summary>
    public int Degree => _coefficients.Length - 1;

    /// <summary>c_0 .. c_s.</summary>
    public ReadOnlySpan<double> Coefficients => _coefficients;

    /// <summary>eps_s: an upper bound of |p(t) e^-t - 1| on [-L, L].</summary>
    public double RelativeError { get; }

    /// <summary>A = sum_j |c_j| L^j, rounded up: the largest squared norm of a feature vector.</summary>
    public double MagnitudeSum { get; }

    /// <summary>
    /// m = max(0, -min over |t| at most L of sum_j |c_j| t^j), rounded up: the inner product of two rows' features is at least -m.
    /// </summary>
    public double NegativeReach { get; }

    /// <summary>
    /// The bound of the kernel error of a noise-free answer, per unit of B_v: 2 (1 - sqrt(1 - eps_s^2)) / eps_s, tight for signed
    /// values (mechanisms, section 2). Infinite when eps_s is 1 or more.
    /// </summary>
    public double AnswerErrorPerUnit => AnswerErrorFor(RelativeError);

    /// <summary>The polynomial of a degree for e^t on [-interval, interval].</summary>
    /// <param name="method">Minimax or Taylor.</param>
    /// <param name="interval">L, from 2^-40 to 64.</param>
    /// <param name="degree">s, from 1 to 18.</param>
    /// <exception cref="ArgumentException">An argument outside its range, or no convergence in double precision.</exception>
    public static KernelPolynomial Fit(KernelMethod method, double interval, int degree)
    {
        if (!(interval >= SmallestInterval && interval <= LargestInterval))
            throw new ArgumentOutOfRangeException(nameof(interval), interval, $"scale x query radius x key radius must lie in [2^-40, {LargestInterval}]");
        if (degree is < 1 or > LargestDegree)
            throw new ArgumentOutOfRangeException(nameof(degree), degree, $"the degree must lie between 1 and {LargestDegree}");
        return new KernelPolynomial(method, interval, method == KernelMethod.Minimax ? RelativeMinimax.Fit(interval, degree) : TaylorCoefficients(degree));
    }

    /// <summary>Any polynomial as a kernel: for tests of what the fits never give, such as degrees that drop out.</summary>
    internal static KernelPolynomial FromCoefficients(double interval, params double[] coefficients) => new(KernelMethod.Taylor, interval, coefficients);

    /// <summary>p(t).</summary>
    public double Evaluate(double t)
    {
        var p = 0.0;
        for (var j = Degree; j >= 0; j--)
            p = p * t + _coefficients[j];
        return p;
    }

    /// <summary>sum_j |c_j| t^j.</summary>
    public double EvaluateMagnitudes(double t)
    {
        var p = 0.0;
        for (var j = Degree; j >= 0; j--)
            p = p * t + Math.Abs(_coefficients[j]);
        return p;
    }

    /// <summary>2 (1 - sqrt(1 - e^2)) / e without its cancellation: the answer's error when every weight is off by at most e relatively.</summary>
    internal static double AnswerErrorFor(double relativeError) =>
        relativeError < 1 ? 2 * relativeError / (1 + Math.Sqrt(1 - relativeError * relativeError)) : double.PositiveInfinity;

    /// <summary>1/j! for j up to the degree.</summary>
    internal static double[] TaylorCoefficients(int degree)
    {
        var coefficients = new double[degree + 1];
        coefficients[0] = 1;
        for (var j = 1; j <= degree; j++)
            coefficients[j] = coefficients[j - 1] / j;
        return coefficients;
    }

    // Between grid points h apart a function exceeds the larger neighbour by at most h^2/8 max|f''|.
    private double BoundRelativeError()
    {
        var worst = 0.0;
        for (var i = 0; i <= GridPoints; i++)
        {
            var t = GridPoint(i);
            worst = Math.Max(worst, Math.Abs(Evaluate(t) * DeterministicMath.Exp(-t) - 1));
        }
        // (p e^-t)'' = (p - 2p' + p'') e^-t; p is nearly e^t, so the low coefficients of the bracket nearly vanish.
        double curvature = 0, power = 1;
        for (var j = 0; j <= Degree; j++)
        {
            curvature += Math.Abs(Coefficient(j) - 2 * (j + 1) * Coefficient(j + 1) + (j + 1) * (j + 2) * Coefficient(j + 2)) * power;
            power *= Interval;
        }
        curvature *= DeterministicMath.Exp(Interval);
        return RoundUp(worst + GridMargin(curvature));
    }

    private double BoundMagnitudeSum() => RoundUp(EvaluateMagnitudes(Interval));

    private double BoundNegativeReach()
    {
        var lowest = double.PositiveInfinity;
        for (var i = 0; i <= GridPoints; i++)
            lowest = Math.Min(lowest, EvaluateMagnitudes(GridPoint(i)));
        double curvature = 0, power = 1;
        for (var j = 2; j <= Degree; j++)
        {
            curvature += Math.Abs(_coefficients[j]) * j * (j - 1) * power;
            power *= Interval;
        }
        lowest -= GridMargin(curvature);
        return lowest >= 0 ? 0 : RoundUp(-lowest);
    }

    private double GridPoint(int i) => Interval * (2.0 * i / GridPoints - 1);

    private double GridMargin(double curvature)
    {
        var step = 2 * Interval / GridPoints;
        return step * step / 8 * curvature;
    }

    private double Coefficient(int j) => j <= Degree ? _coefficients[j] : 0;

    // Far above the rounding of the few dozen operations behind it.
    private static double RoundUp(double bound) => bound * (1 + 1e-12) + 1e-14;
}
