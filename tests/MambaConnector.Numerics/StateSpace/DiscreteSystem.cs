namespace MambaConnector.Numerics.StateSpace;

/// <summary>h_k = A h_{k-1} + B u_k, y_k = C h_k: a recurrence over inputs or, since nothing in it depends on the input, one convolution with a
/// kernel that can be made beforehand (S4, arXiv 2111.00396, equations 3 to 5). Selection gives this second form up.</summary>
/// <param name="A">[N, N], discretised.</param>
/// <param name="B">[N], discretised.</param>
/// <param name="C">[N].</param>
internal sealed record DiscreteSystem(double[,] A, double[] B, double[] C)
{
    /// <summary>The outputs, one state after another: constant work and memory a step.</summary>
    public double[] Recur(double[] inputs)
    {
        double[] state = new double[B.Length];
        double[] outputs = new double[inputs.Length];
        for (int k = 0; k < inputs.Length; k++)
        {
            state = Step(state, inputs[k]);
            outputs[k] = Matrices.Dot(C, state);
        }

        return outputs;
    }

    /// <summary>The state after one more input.</summary>
    public double[] Step(double[] state, double input)
    {
        double[] next = Matrices.Multiply(A, state);
        for (int i = 0; i < next.Length; i++)
        {
            next[i] += B[i] * input;
        }

        return next;
    }

    /// <summary>K_i = C A^i B: what an input does to the output i steps later.</summary>
    public double[] Kernel(int length)
    {
        double[] kernel = new double[length];
        double[] power = B;
        for (int i = 0; i < length; i++)
        {
            kernel[i] = Matrices.Dot(C, power);
            power = Matrices.Multiply(A, power);
        }

        return kernel;
    }

    /// <summary>The outputs as y_k = sum_i K_i u_{k-i}: every one by itself, so all at once.</summary>
    public double[] Convolve(double[] inputs)
    {
        double[] kernel = Kernel(inputs.Length);
        double[] outputs = new double[inputs.Length];
        for (int k = 0; k < inputs.Length; k++)
        {
            for (int i = 0; i <= k; i++)
            {
                outputs[k] += kernel[i] * inputs[k - i];
            }
        }

        return outputs;
    }
}
