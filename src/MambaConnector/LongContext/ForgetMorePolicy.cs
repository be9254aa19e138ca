using System.Globalization;
using MambaConnector.LongContext;

namespace MambaConnector;

/// <summary>Forgets more and remembers less (arXiv 2410.07145, method 1): <c>h_t = g_a a_t h_{t-1} + g_B dt_t x_t B_t^T</c>.</summary>
/// <remarks><c>ln g_a</c> is added to the log-decay of every head and dt is left alone; it bounds what a head can remember to <c>-1 / ln g_a</c>
/// tokens, for 0.9999 that is 10,000. The recurrence is linear, so a constant g_B only scales the state; it is applied to what the scan adds to the
/// skip, and saved states stay valid. Costs nothing. Both change the model's results within its training length too.</remarks>
public sealed record ForgetMorePolicy : LongContextPolicy
{
    /// <summary>Creates the policy.</summary>
    /// <inheritdoc cref="LongContextPolicy.ForgetMore" path="/param"/>
    /// <inheritdoc cref="LongContextPolicy.ForgetMore" path="/exception"/>
    public ForgetMorePolicy(float retention, float insertion = 1) =>
        (Retention, Insertion) = (Check(retention, float.Epsilon, nameof(retention)), Check(insertion, LayerScales.Least, nameof(insertion)));

    /// <summary>g_a, above 0 and at most 1.</summary>
    public float Retention { get; }

    /// <summary>g_B, from 1e-6 to 1.</summary>
    public float Insertion { get; }

    private protected override string Text => Insertion == 1
        ? string.Create(CultureInfo.InvariantCulture, $"forget:{Retention}")
        : string.Create(CultureInfo.InvariantCulture, $"forget:{Retention},{Insertion}");

    private static float Check(float factor, float least, string name) => factor >= least && factor <= 1
        ? factor
        : throw new ArgumentOutOfRangeException(name, factor, "The factors of forgetting are above 0 and at most 1, an insertion at least 1e-6.");
}
