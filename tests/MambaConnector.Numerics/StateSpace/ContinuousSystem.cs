namespace MambaConnector.Numerics.StateSpace;

/// <summary>A linear state space model with fixed parameters: h'(t) = A h(t) + B u(t), y(t) = C h(t), one input and one output (S4, arXiv 2111.00396,
/// equation 1).</summary>
/// <param name="A">[N, N].</param>
/// <param name="B">[N].</param>
/// <param name="C">[N].</param>
internal sealed record ContinuousSystem(double[,] A, double[] B, double[] C)
{
    private int Size => B.Length;

    /// <summary>Samples the system every <paramref name="dt"/>.</summary>
    public DiscreteSystem Discretize(double dt, DiscretizationRule rule)
    {
        double[,] identity = Matrices.Identity(Size);
        switch (rule)
        {
            case DiscretizationRule.ZeroOrderHold:
                return HoldInput(dt);
            case DiscretizationRule.Euler:
                return new(Matrices.Add(identity, A, dt), Scaled(dt), C);
            case DiscretizationRule.Bilinear:
                double[,] behind = Matrices.Add(identity, A, -dt / 2);
                double[,] input = Matrices.Solve(behind, Column(Scaled(dt)));
                return new(Matrices.Solve(behind, Matrices.Add(identity, A, dt / 2)), [.. input.Cast<double>()], C);
            case DiscretizationRule.Mamba:
                return new(Matrices.Exp(Matrices.Scale(A, dt)), Scaled(dt), C);
            default:
                throw new ArgumentOutOfRangeException(nameof(rule), rule, null);
        }
    }

    // An input that does not change is one more state with h' = 0, so exp(dt [A B; 0 0]) = [Abar Bbar; 0 1], also where A has no inverse.
    private DiscreteSystem HoldInput(double dt)
    {
        double[,] joined = new double[Size + 1, Size + 1];
        for (int i = 0; i < Size; i++)
        {
            for (int j = 0; j < Size; j++)
            {
                joined[i, j] = dt * A[i, j];
            }

            joined[i, Size] = dt * B[i];
        }

        double[,] exp = Matrices.Exp(joined);
        double[,] transition = new double[Size, Size];
        double[] input = new double[Size];
        for (int i = 0; i < Size; i++)
        {
            for (int j = 0; j < Size; j++)
            {
                transition[i, j] = exp[i, j];
            }

            input[i] = exp[i, Size];
        }

        return new(transition, input, C);
    }

    private double[] Scaled(double dt) => [.. B.Select(b => dt * b)];

    private static double[,] Column(double[] vector)
    {
        double[,] column = new double[vector.Length, 1];
        for (int i = 0; i < vector.Length; i++)
        {
            column[i, 0] = vector[i];
        }

        return column;
    }
}
