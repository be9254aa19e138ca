using System.Collections.Immutable;
using MambaConnector.LongContext;

namespace MambaConnector;

/// <summary>Scales the step size of each layer: <c>dt' = s dt</c> after the softplus, so tokens both insert and decay as if they were s tokens (one
/// s: LongMamba of jzhang38; one a layer: MambaExtend, ICLR 2025).</summary>
/// <remarks>Costs nothing, and changes the model's results within its training length too. <c>mamba eval calibrate</c> searches scales for each
/// layer.</remarks>
public sealed record DeltaScalePolicy : LongContextPolicy
{
    /// <summary>Creates the policy.</summary>
    /// <inheritdoc cref="LongContextPolicy.DeltaScale" path="/param"/>
    /// <inheritdoc cref="LongContextPolicy.DeltaScale" path="/exception"/>
    public DeltaScalePolicy(params IReadOnlyList<float> scales) => Scales = LayerScales.Copy(scales);

    /// <summary>s, from 1e-6 to 1e6: one for all layers, or one a layer.</summary>
    public ImmutableArray<float> Scales { get; }

    private protected override string Text => LayerScales.Text("delta", Scales);

    /// <inheritdoc/>
    public bool Equals(DeltaScalePolicy? other) => other is not null && Scales.AsSpan().SequenceEqual(other.Scales.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => LayerValues.Hash(Scales);

    private protected override LongContextPolicy OfModel(MambaModelInfo model)
    {
        ImmutableArray<float> scales = LayerScales.Resolve(Scales, model, "step sizes");
        return scales == Scales ? this : new DeltaScalePolicy(scales);
    }
}
