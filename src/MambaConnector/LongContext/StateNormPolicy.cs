using System.Collections.Immutable;
using System.Globalization;
using MambaConnector.LongContext;

namespace MambaConnector;

/// <summary>Caps the norm of every head's state (arXiv 2410.07145 version 1, method 2):
/// <c>h_t = h'_t min(1, kappa p / ||h'_t||_F)</c> with <c>h'_t = a_t h_{t-1} + dt_t x_t B_t^T</c>.</summary>
/// <remarks>A cap makes the recurrence nonlinear, so the tokens of a prompt cannot be computed together: prompts are read token by token, slowly. p
/// is best the largest norm that the head has within the training length, which <c>mamba eval calibrate</c> measures.</remarks>
public sealed record StateNormPolicy : LongContextPolicy
{
    private readonly int _hash;

    /// <summary>Creates the policy.</summary>
    /// <inheritdoc cref="LongContextPolicy.StateNorm(IReadOnlyList{IReadOnlyList{float}}, float)" path="/param"/>
    /// <inheritdoc cref="LongContextPolicy.StateNorm(IReadOnlyList{IReadOnlyList{float}}, float)" path="/exception"/>
    public StateNormPolicy(IReadOnlyList<IReadOnlyList<float>> caps, float scale = 1)
    {
        Caps = LayerValues.Copy(caps, value => value >= 0, "caps of state norms are 0 or more", nameof(caps));
        Scale = LayerValues.IsPositive(scale)
            ? scale
            : throw new ArgumentOutOfRangeException(nameof(scale), scale, "The scale of state norms is a positive number.");
        _hash = LayerValues.Hash(Caps);
    }

    /// <summary>p, [layers][heads]; a head of Mamba-1 is a block of 64 channels.</summary>
    public ImmutableArray<ImmutableArray<float>> Caps { get; }

    /// <summary>kappa, which multiplies <see cref="Caps"/>.</summary>
    public float Scale { get; }

    private protected override string Text =>
        string.Create(CultureInfo.InvariantCulture, $"norm:({Caps.Length} layers of {Caps[0].Length} heads),{Scale}");

    /// <inheritdoc/>
    public bool Equals(StateNormPolicy? other) => other is not null && Scale == other.Scale && LayerValues.Equal(Caps, other.Caps);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_hash, Scale);

    private protected override LongContextPolicy OfModel(MambaModelInfo model)
    {
        LayerValues.CheckShape(Caps, model.LayerCount, StateHeads.Count(model), "the caps of state norms", "heads");
        return this;
    }
}
