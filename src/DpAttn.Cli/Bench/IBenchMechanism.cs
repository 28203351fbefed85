using DpAttn.Privacy;

namespace DpAttn.Cli.Bench;

/// <summary>Something that answers attention over a workload, with its error to be measured.</summary>
internal interface IBenchMechanism
{
    string Mechanism { get; }

    string Calibration { get; }

    /// <summary>Sums a workload's rows, once for all epsilons and draws.</summary>
    /// <exception cref="ArgumentException">The mechanism does not fit the workload; the message says why.</exception>
    IBenchSums Sum(Workload workload, BenchSettings settings);
}

/// <summary>A mechanism's exact sums of a workload.</summary>
internal interface IBenchSums
{
    /// <summary>The microseconds of a query where they are not those of asking a release; else null.</summary>
    double? QueryMicros { get; }

    /// <summary>Calibrates the noise.</summary>
    /// <exception cref="ArgumentException">The mechanism cannot be calibrated so; the message says why.</exception>
    BenchPublisher At(Epsilon epsilon, Delta delta);
}

/// <summary>Publishes under a secret; what it returns answers the workload's queries by number.</summary>
internal delegate Func<int, double[]> BenchPublisher(byte[] secret);
