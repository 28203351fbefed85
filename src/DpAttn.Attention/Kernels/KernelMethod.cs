namespace DpAttn.Attention;

/// <summary>How e^t is replaced by a polynomial.</summary>
public enum KernelMethod
{
    /// <summary>The polynomial of least relative error on [-L, L] (Remez exchange with weight e^-t).</summary>
    Minimax,

    /// <summary>The Taylor polynomial, the choice of arXiv 2407.14717, for comparison.</summary>
    Taylor,
}
