namespace MambaConnector.Numerics.Gated;

/// <summary>One token as a gated linear recurrence sees it: S_t = diag(Gate) S_{t-1} + Key Value^T, y_t = Query S_t + Skip Value.</summary>
/// <param name="Gate">[N]: how much of each row of the state is kept, from 0 to 1.</param>
/// <param name="Key">[N].</param>
/// <param name="Value">[P].</param>
/// <param name="Query">[N].</param>
/// <param name="Skip">The value's way around the state: D of Mamba, the bonus of RWKV, 0 elsewhere.</param>
internal sealed record GatedStep(double[] Gate, double[] Key, double[] Value, double[] Query, double Skip);
