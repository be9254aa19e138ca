using System.Numerics;
using MambaConnector.Numerics.Selective;

namespace MambaConnector.Numerics.Gated;

/// <summary>A random sequence of each member, with its own paper's outputs beside it.</summary>
/// <param name="Steps">The tokens as the shared recurrence sees them.</param>
/// <param name="Direct">[T][P]: what the paper's own formula gives.</param>
internal sealed record Family(GatedStep[] Steps, double[][] Direct)
{
    private const int Keys = 4;
    private const int Values = 3;

    public static TheoryData<string> Names => ["RetNet", "GLA", "RWKV-6", "Mamba-1", "Mamba-2"];

    public int KeyCount => Steps[0].Key.Length;

    public int ValueCount => Steps[0].Value.Length;

    public double[,] Zero => new double[KeyCount, ValueCount];

    public static Family Create(string name, int length)
    {
        Random random = new(length);
        double[][] Rows(int columns) => Samples.Rows(random, length, columns);
        double[][] Gates() => Samples.Rows(random, length, Keys, 0.8, 1);
        switch (name)
        {
            case "RetNet":
                Complex[][] Turning() => [.. Rows(Keys).Select(row => new Complex[] { new(row[0], row[1]), new(row[2], row[3]) })];
                RetNet retention = new(Turning(), Turning(), Rows(Values), [0.9, 0.03], 1 - Math.Pow(2, -5));
                return new(retention.Steps(), retention.Direct());
            case "GLA":
                GatedLinearAttention attention = new(Rows(Keys), Rows(Keys), Rows(Values), Gates());
                return new(attention.Steps(), attention.Direct());
            case "RWKV-6":
                Rwkv6 finch = new(Rows(Keys), Rows(Keys), Rows(Values), Gates(), Samples.Vector(random, Keys));
                return new(finch.Steps(), finch.Direct());
            case "Mamba-1":
                double[,] a = { { -1, -2, -3, -4 } };
                SelectiveScan scan = new(Rows(1), Samples.Rows(random, length, 1, 0.001, 0.1), Rows(Keys), Rows(Keys), a, [0.7]);
                return new(MambaSteps.Of(scan, 0), scan.Recur(new double[1, Keys]));
            case "Mamba-2":
                StateSpaceDuality head = new(Rows(Values), Samples.Vector(random, length, 0.001, 0.1), Rows(Keys), Rows(Keys), -2, 0.7);
                return new(MambaSteps.Of(head), head.Chunked(new double[Values, Keys], length));
            default:
                throw new ArgumentOutOfRangeException(nameof(name), name, null);
        }
    }
}
