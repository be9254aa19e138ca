using MambaConnector.Numerics.Selective;

namespace MambaConnector.Numerics.Gated;

/// <summary>Both Mambas as gated linear recurrences: B is the key, C the query, x the value; dt is a part of the key and makes the gate.</summary>
internal static class MambaSteps
{
    /// <summary>A head of Mamba-2: the gate exp(dt A) is the same for all keys.</summary>
    public static GatedStep[] Of(StateSpaceDuality head) => [.. head.X.Select((x, t) => new GatedStep(
        [.. head.B[t].Select(_ => Math.Exp(head.Dt[t] * head.A))], [.. head.B[t].Select(b => head.Dt[t] * b)], x, head.C[t], head.D))];

    /// <summary>A channel of Mamba-1: a head with one value and a gate exp(dt A_n) for each key.</summary>
    public static GatedStep[] Of(SelectiveScan scan, int channel) => [.. scan.X.Select((x, t) =>
    {
        double dt = scan.Dt[t][channel];
        double[] gate = [.. scan.B[t].Select((_, n) => Math.Exp(dt * scan.A[channel, n]))];
        return new GatedStep(gate, [.. scan.B[t].Select(b => dt * b)], [x[channel]], scan.C[t], scan.D[channel]);
    })];
}
