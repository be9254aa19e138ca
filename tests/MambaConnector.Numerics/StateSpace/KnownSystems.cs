namespace MambaConnector.Numerics.StateSpace;

/// <summary>Systems whose A differ in kind, by name.</summary>
internal static class KnownSystems
{
    public static TheoryData<string> Names => ["decay", "rotation", "legs", "integrators", "dense"];

    public static ContinuousSystem Create(string name) => name switch
    {
        // S4D-real, what Mamba-1 starts from: A_n = -(n + 1).
        "decay" => Create(4, (i, j) => i == j ? -(i + 1) : 0),

        // A damped oscillation: a pair of complex eigenvalues, -0.3 +- 5i.
        "rotation" => Create(2, (i, j) => i == j ? -0.3 : i < j ? -5 : 5),

        // HiPPO-LegS (arXiv 2008.07669, theorem 2): the state holds the Legendre coefficients of the input's past.
        "legs" => Create(6, (i, j) => i < j ? 0 : i == j ? -(i + 1) : -Math.Sqrt(((2 * i) + 1) * ((2 * j) + 1))),

        // A chain of integrators: all eigenvalues 0, so A has no inverse and no diagonal form.
        "integrators" => Create(3, (i, j) => j == i + 1 ? 1 : 0),

        "dense" => Create(5, (i, j) => (i == j ? -2 : 0) + Math.Sin(1 + (3 * i) + (7 * j))),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
    };

    private static ContinuousSystem Create(int size, Func<int, int, double> entry)
    {
        double[,] a = new double[size, size];
        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j < size; j++)
            {
                a[i, j] = entry(i, j);
            }
        }

        return new(a, [.. Enumerable.Range(0, size).Select(i => 1.0 / (i + 1))], [.. Enumerable.Range(0, size).Select(i => Math.Cos(i))]);
    }
}
