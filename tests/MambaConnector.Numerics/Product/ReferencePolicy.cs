using MambaConnector.Numerics.Gated;
using MambaConnector.Numerics.LongContext;
using MambaConnector.Numerics.Selective;

namespace MambaConnector.Numerics.Product;

/// <summary>A long-context policy in float64: what it makes of dt and A, and of the recurrences that follow.</summary>
/// <remarks>The recurrences of one head: of Mamba-2 one, of Mamba-1 one for each channel of the block that counts as a head.</remarks>
internal sealed record ReferencePolicy
{
    /// <summary>(dt, token) to the dt that is used.</summary>
    public Func<double, int, double> Dt { get; init; } = (dt, _) => dt;

    /// <summary>The factor of A.</summary>
    public double DecayScale { get; init; } = 1;

    /// <summary>The recurrences of head <c>index</c> to their outputs, [recurrence][T][P].</summary>
    public Func<GatedStep[][], int, double[][][]> Run { get; init; } =
        (parts, _) => [.. parts.Select(steps => GatedLinearRecurrence.Run(steps, Zero(steps)))];

    public static ReferencePolicy Window(int length, int origin) => new()
    {
        Run = (parts, _) => [.. parts.Select(steps =>
        {
            RestartWindow window = new(length, steps[0].Key.Length, steps[0].Value.Length, origin);
            return steps.Select(step =>
            {
                window.Advance(step);
                return GatedLinearRecurrence.Read(window.State, step);
            }).ToArray();
        })],
    };

    public static ReferencePolicy Forget(double retention, double insertion) => new()
    {
        Run = (parts, _) => [.. parts.Select(steps => GatedLinearRecurrence.Run(ForgetMore.Apply(steps, retention, insertion), Zero(steps)))],
    };

    /// <summary>h = h~ min(1, cap / ||h~||), over all recurrences of the head.</summary>
    /// <param name="caps">One a head.</param>
    public static ReferencePolicy Norm(double[] caps) => new()
    {
        Run = (parts, head) =>
        {
            double[][,] states = [.. parts.Select(Zero)];
            double[][][] outputs = [.. parts.Select(steps => new double[steps.Length][])];
            for (int t = 0; t < parts[0].Length; t++)
            {
                for (int part = 0; part < parts.Length; part++)
                {
                    GatedLinearRecurrence.Advance(states[part], parts[part][t]);
                }

                double norm = NormOf(states);
                for (int part = 0; part < parts.Length; part++)
                {
                    states[part] = StateSpace.Matrices.Scale(states[part], norm > caps[head] ? caps[head] / norm : 1);
                    outputs[part][t] = GatedLinearRecurrence.Read(states[part], parts[part][t]);
                }
            }

            return outputs;
        },
    };

    /// <summary>The largest norm that the head's state has.</summary>
    public static double LargestNorm(GatedStep[][] parts)
    {
        double[][,] states = [.. parts.Select(Zero)];
        double largest = 0;
        for (int t = 0; t < parts[0].Length; t++)
        {
            for (int part = 0; part < parts.Length; part++)
            {
                GatedLinearRecurrence.Advance(states[part], parts[part][t]);
            }

            largest = Math.Max(largest, NormOf(states));
        }

        return largest;
    }

    public double[][] Scan(StateSpaceDuality head, int index) =>
        Run([MambaSteps.Of(head with { Dt = [.. head.Dt.Select(Dt)], A = DecayScale * head.A })], index)[0];

    /// <summary>All channels as one block.</summary>
    public double[][] Scan(SelectiveScan scan)
    {
        SelectiveScan changed = scan with
        {
            Dt = [.. scan.Dt.Select((row, t) => row.Select(dt => Dt(dt, t)).ToArray())],
            A = StateSpace.Matrices.Scale(scan.A, DecayScale),
        };
        double[][][] channels = Run(Channels(changed), 0);
        return [.. scan.X.Select((_, t) => channels.Select(outputs => outputs[t][0]).ToArray())];
    }

    public static GatedStep[][] Channels(SelectiveScan scan) => [.. scan.D.Select((_, channel) => MambaSteps.Of(scan, channel))];

    private static double NormOf(double[][,] states) => Math.Sqrt(states.Sum(state => Math.Pow(StateSpace.Matrices.Norm(state), 2)));

    private static double[,] Zero(GatedStep[] steps) => new double[steps[0].Key.Length, steps[0].Value.Length];
}
