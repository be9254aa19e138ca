using System.Collections.Immutable;
using MambaConnector.LongContext;

namespace MambaConnector;

/// <summary>Scales the decay rate of each layer: <c>A' = s A</c>, so <c>a_t = exp(s dt_t A)</c>, and what tokens insert stays as it is (Mamba
/// Modulation, NeurIPS 2025). Above 1 the state forgets faster.</summary>
/// <remarks>Costs nothing, and changes the model's results within its training length too.</remarks>
public sealed record DecayScalePolicy : LongContextPolicy
{
    /// <summary>Creates the policy.</summary>
    /// <inheritdoc cref="LongContextPolicy.DeltaScale" path="/param"/>
    /// <inheritdoc cref="LongContextPolicy.DeltaScale" path="/exception"/>
    public DecayScalePolicy(params IReadOnlyList<float> scales) => Scales = LayerScales.Copy(scales);

    /// <inheritdoc cref="DeltaScalePolicy.Scales"/>
    public ImmutableArray<float> Scales { get; }

    private protected override string Text => LayerScales.Text("decay", Scales);

    /// <inheritdoc/>
    public bool Equals(DecayScalePolicy? other) => other is not null && Scales.AsSpan().SequenceEqual(other.Scales.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => LayerValues.Hash(Scales);

    private protected override LongContextPolicy OfModel(MambaModelInfo model)
    {
        ImmutableArray<float> scales = LayerScales.Resolve(Scales, model, "decays");
        return scales == Scales ? this : new DecayScalePolicy(scales);
    }
}
