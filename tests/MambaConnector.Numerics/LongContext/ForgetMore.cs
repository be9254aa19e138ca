using MambaConnector.Numerics.Gated;

namespace MambaConnector.Numerics.LongContext;

/// <summary>"Forget more, remember less" (arXiv 2410.07145, method 1): S_t = (g_a g_t) S_{t-1} + g_B k_t v_t^T. g_a caps how long anything
/// is remembered, at
/// -1 / ln g_a tokens, and so the norm; g_B rescales what is read.</summary>
internal static class ForgetMore
{
    public static GatedStep[] Apply(GatedStep[] steps, double retention, double insertion = 1) => [.. steps.Select(step => step with
    {
        Gate = [.. step.Gate.Select(gate => retention * gate)],
        Key = [.. step.Key.Select(key => insertion * key)],
    })];

    /// <summary>No state that begins at 0 has a larger norm: a geometric series, ||S|| &lt;= max_t ||k_t|| ||v_t|| / (1 - g_a), where no
    /// gate is above 1.</summary>
    public static double Bound(GatedStep[] steps, double retention) => steps.Max(step => Norm(step.Key) * Norm(step.Value)) / (1 - retention);

    private static double Norm(double[] vector) => Math.Sqrt(vector.Sum(value => value * value));
}
