using System.Runtime.InteropServices;

namespace MambaConnector;

/// <summary>Numbers about one head of one layer's state. A head is the model's own in Mamba-2, [head_dim, d_state] values, and a block of 64 channels in
/// Mamba-1, [64, d_state].</summary>
/// <remarks>The last three sum decays since tracking began or a policy was set, whichever came last, as the policy scales them and adds to
/// them. What a window drops and what the caps of <see cref="StateNormPolicy"/> take is not in them: under a window the retention of a token
/// that it has dropped is not 0.</remarks>
/// <param name="Norm">The Frobenius norm <c>||h||</c>.</param>
/// <param name="Variance">The variance of the head's values.</param>
/// <param name="MaxAbs">The largest <c>|h|</c>.</param>
/// <param name="Rms">The root mean square of the head's values.</param>
/// <param name="Retention">What the decays leave of the first token since then, <c>exp(A (dt_1 + ... + dt_t))</c>, from 0 to 1; of a block
/// of Mamba-1 the mean. NaN where the session does not track its decay.</param>
/// <param name="Horizon">Tokens after which 1/e is left, at the mean decay since then; infinite where nothing decays. NaN without
/// tracking or before its first token.</param>
/// <param name="LogRetention"><c>A (dt_1 + ... + dt_t)</c>, at most 0; of a block of Mamba-1 the mean. The difference of two samples is the log-decay
/// between them. NaN without tracking.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct HeadStatistics(
    float Norm, float Variance, float MaxAbs, float Rms, float Retention, float Horizon, double LogRetention)
{
    /// <summary>The largest value relative to the root mean square: how much of the head is in few values. 0 of an empty state.</summary>
    public float Outlier => Rms > 0 ? MaxAbs / Rms : 0;
}
