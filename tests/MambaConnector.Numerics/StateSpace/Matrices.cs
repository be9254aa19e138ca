namespace MambaConnector.Numerics.StateSpace;

/// <summary>Dense float64 matrices, as much of them as the models here need. [rows, columns]; vectors are columns.</summary>
internal static class Matrices
{
    public static double[,] Identity(int size)
    {
        double[,] identity = new double[size, size];
        for (int i = 0; i < size; i++)
        {
            identity[i, i] = 1;
        }

        return identity;
    }

    /// <summary>left + factor * right.</summary>
    public static double[,] Add(double[,] left, double[,] right, double factor = 1)
    {
        double[,] sum = new double[left.GetLength(0), left.GetLength(1)];
        for (int i = 0; i < left.GetLength(0); i++)
        {
            for (int j = 0; j < left.GetLength(1); j++)
            {
                sum[i, j] = left[i, j] + (factor * right[i, j]);
            }
        }

        return sum;
    }

    public static double[,] Scale(double[,] matrix, double factor) =>
        Add(new double[matrix.GetLength(0), matrix.GetLength(1)], matrix, factor);

    public static double[,] Multiply(double[,] left, double[,] right)
    {
        double[,] product = new double[left.GetLength(0), right.GetLength(1)];
        for (int i = 0; i < left.GetLength(0); i++)
        {
            for (int j = 0; j < right.GetLength(1); j++)
            {
                for (int k = 0; k < left.GetLength(1); k++)
                {
                    product[i, j] += left[i, k] * right[k, j];
                }
            }
        }

        return product;
    }

    public static double[] Multiply(double[,] matrix, double[] vector)
    {
        double[] product = new double[matrix.GetLength(0)];
        for (int i = 0; i < product.Length; i++)
        {
            for (int j = 0; j < vector.Length; j++)
            {
                product[i] += matrix[i, j] * vector[j];
            }
        }

        return product;
    }

    public static double Dot(double[] left, double[] right)
    {
        double sum = 0;
        for (int i = 0; i < left.Length; i++)
        {
            sum += left[i] * right[i];
        }

        return sum;
    }

    /// <summary>x with matrix x = right, by elimination with the largest pivot of each column.</summary>
    /// <exception cref="ArgumentException">The matrix is singular.</exception>
    public static double[,] Solve(double[,] matrix, double[,] right)
    {
        int size = matrix.GetLength(0);
        double[,] rows = (double[,])matrix.Clone();
        double[,] solution = (double[,])right.Clone();
        for (int pivot = 0; pivot < size; pivot++)
        {
            int largest = Enumerable.Range(pivot, size - pivot).MaxBy(row => Math.Abs(rows[row, pivot]));
            if (rows[largest, pivot] == 0)
            {
                throw new ArgumentException("The matrix is singular.", nameof(matrix));
            }

            SwapRows(rows, pivot, largest);
            SwapRows(solution, pivot, largest);
            for (int row = 0; row < size; row++)
            {
                double factor = rows[row, pivot] / rows[pivot, pivot];
                if (row != pivot && factor != 0)
                {
                    SubtractRow(rows, row, pivot, factor);
                    SubtractRow(solution, row, pivot, factor);
                }
            }
        }

        for (int row = 0; row < size; row++)
        {
            for (int column = 0; column < solution.GetLength(1); column++)
            {
                solution[row, column] /= rows[row, row];
            }
        }

        return solution;
    }

    /// <summary>exp(matrix): the power series of matrix / 2^k, whose entries are small, squared k times.</summary>
    public static double[,] Exp(double[,] matrix)
    {
        int size = matrix.GetLength(0);
        int squarings = Math.Max(0, (int)Math.Ceiling(Math.Log2(Math.Max(LargestEntry(matrix) * size, double.Epsilon))) + 2);
        double[,] small = Scale(matrix, Math.Pow(2, -squarings));
        double[,] term = Identity(size);
        double[,] sum = Identity(size);
        for (int k = 1; k <= 16; k++)
        {
            term = Scale(Multiply(term, small), 1.0 / k);
            sum = Add(sum, term);
        }

        for (int k = 0; k < squarings; k++)
        {
            sum = Multiply(sum, sum);
        }

        return sum;
    }

    public static double LargestEntry(double[,] matrix) => matrix.Cast<double>().Max(Math.Abs);

    /// <summary>The Frobenius norm.</summary>
    public static double Norm(double[,] matrix) => Math.Sqrt(matrix.Cast<double>().Sum(value => value * value));

    private static void SwapRows(double[,] matrix, int first, int second)
    {
        for (int column = 0; column < matrix.GetLength(1); column++)
        {
            (matrix[first, column], matrix[second, column]) = (matrix[second, column], matrix[first, column]);
        }
    }

    private static void SubtractRow(double[,] matrix, int row, int from, double factor)
    {
        for (int column = 0; column < matrix.GetLength(1); column++)
        {
            matrix[row, column] -= factor * matrix[from, column];
        }
    }
}
