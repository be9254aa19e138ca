namespace MambaConnector.Numerics.StateSpace;

/// <summary>How h'(t) = A h(t) + B u(t), sampled every dt, becomes h_k = Abar h_{k-1} + Bbar u_k.</summary>
public enum DiscretizationRule
{
    /// <summary>Abar = exp(dt A), Bbar = A^-1 (exp(dt A) - I) B: exact where the input is constant over each step (Mamba, arXiv 2312.00752,
    /// equation 4).</summary>
    ZeroOrderHold,

    /// <summary>Abar = I + dt A, Bbar = dt B: the first two terms of the series; an error of dt^2 a step.</summary>
    Euler,

    /// <summary>Abar = (I - dt/2 A)^-1 (I + dt/2 A), Bbar = (I - dt/2 A)^-1 dt B: the trapezoidal rule of S4 (arXiv 2111.00396, equation 3);
    /// an error of dt^3 a step, and stable at any dt where A is.</summary>
    Bilinear,

    /// <summary>Abar = exp(dt A), Bbar = dt B: what Mamba and Mamba-2 compute. The decay is exact, so it stays below 1 at any dt; the input is
    /// Euler's, whose error a network learns around.</summary>
    Mamba,
}
