using System.Numerics;

namespace MambaConnector.Numerics.Scan;

/// <summary>S5 (arXiv 2208.04933, equations 5 and 6): h' = Lambda h + B u, y = 2 Re(C h), with H inputs and outputs over one diagonal
/// complex state of
/// N numbers, of which each stands for itself and its conjugate.</summary>
/// <param name="Lambda">[N], real parts below 0.</param>
/// <param name="B">[N][H].</param>
/// <param name="C">[H][N].</param>
internal sealed record DiagonalSystem(Complex[] Lambda, Complex[][] B, Complex[][] C)
{
    /// <summary>The recurrence as one affine map a step and state, zero-order hold: a = exp(dt lambda), b = (a - 1) / lambda (B u)_n.</summary>
    /// <param name="inputs">[T][H].</param>
    /// <param name="dt">The length of a step.</param>
    /// <param name="n">Which state.</param>
    public AffineMap<Complex>[] Steps(double[][] inputs, double dt, int n)
    {
        Complex factor = Complex.Exp(dt * Lambda[n]);
        Complex scale = (factor - 1) / Lambda[n];
        return [.. inputs.Select(input => new AffineMap<Complex>(factor, scale * Sum(B[n], input)))];
    }

    /// <summary>The outputs [T][H], by whichever scan.</summary>
    public double[][] Run(double[][] inputs, double dt, Func<AffineMap<Complex>[], Complex, Complex[]> scan)
    {
        Complex[][] states = [.. Lambda.Select((_, n) => scan(Steps(inputs, dt, n), Complex.Zero))];
        return [.. inputs.Select((_, t) => C.Select(row => 2 * row.Select((c, n) => c * states[n][t]).Aggregate(Complex.Add).Real).ToArray())];
    }

    private static Complex Sum(Complex[] row, double[] input) => row.Zip(input, (b, u) => b * u).Aggregate(Complex.Add);
}
