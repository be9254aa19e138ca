namespace MambaConnector.Cli.Calibration;

/// <summary>Searches one scale a layer without gradients: simultaneous perturbation (SPSA), as MambaExtend (ICLR 2025) does.</summary>
/// <remarks>First a common scale for all layers is tried from a short list. Iteration k then moves all scales by <c>+-c_k</c> at random,
/// c_k = 0.1 / (1 + k)^0.1, and steps against the difference of the two losses. Every point that is tried may be the result; the
/// best one is. The same seed gives the same search, also when it goes on from a saved state.</remarks>
/// <param name="loss">The loss of scales, one a layer.</param>
/// <param name="layerCount">Layers.</param>
/// <param name="seed">Of the perturbations.</param>
internal sealed class ScaleSearch(Func<float[], double> loss, int layerCount, int seed)
{
    /// <summary>No scale gets smaller.</summary>
    public const float LeastScale = 0.01f;

    private const double StepSize = 0.01;
    private const double Perturbation = 0.1;
    private const double PerturbationFall = 0.1;

    // A loss that falls steeply must not throw the search far away.
    private const double LargestStep = 0.1;

    private static readonly float[] _commonScales = [0.9f, 0.75f, 0.6f, 0.5f];

    /// <summary>Losses that a search of so many iterations computes.</summary>
    public static int Evaluations(int iterations) => 1 + _commonScales.Length + (2 * iterations);

    /// <summary>Begins: the loss of 1 in all layers, then of other common scales.</summary>
    /// <param name="key">What is searched.</param>
    /// <param name="evaluated">Called after each loss.</param>
    public ScaleSearchState Begin(string key, Action evaluated)
    {
        float[] ones = Common(1);
        double initial = Evaluate(ones, evaluated);
        ScaleSearchState state = new(key, 0, ones, initial, ones, initial);
        foreach (float scale in _commonScales)
        {
            float[] scales = Common(scale);
            double tried = Evaluate(scales, evaluated);
            if (tried < state.BestLoss)
            {
                state = state with { Scales = scales, BestScales = scales, BestLoss = tried };
            }
        }

        return state;

        float[] Common(float scale) => [.. Enumerable.Repeat(scale, layerCount)];
    }

    /// <summary>One iteration.</summary>
    /// <param name="state">Where the search is.</param>
    /// <param name="evaluated">Called after each loss.</param>
    public ScaleSearchState Next(ScaleSearchState state, Action evaluated)
    {
        Random random = new(unchecked((seed * 397) ^ state.Iteration));
        double size = Perturbation / Math.Pow(1 + state.Iteration, PerturbationFall);
        bool[] up = [.. Enumerable.Range(0, layerCount).Select(_ => random.Next(2) == 1)];
        float[] plus = Move(state.Scales, layer => up[layer] ? size : -size);
        float[] minus = Move(state.Scales, layer => up[layer] ? -size : size);
        double above = Evaluate(plus, evaluated), below = Evaluate(minus, evaluated);
        double slope = (above - below) / (2 * size);

        // Infinite where one side blew up: the largest step away from it.
        double step = double.IsNaN(slope) ? 0 : Math.Clamp(StepSize * slope, -LargestStep, LargestStep);
        (float[] better, double best) = below < above ? (minus, below) : (plus, above);
        return state with
        {
            Iteration = state.Iteration + 1,
            Scales = Move(state.Scales, layer => up[layer] ? -step : step),
            BestScales = best < state.BestLoss ? better : state.BestScales,
            BestLoss = Math.Min(best, state.BestLoss),
        };
    }

    private static float[] Move(float[] scales, Func<int, double> by) =>
        [.. scales.Select((scale, layer) => Math.Max(LeastScale, (float)(scale + by(layer))))];

    // A state that blew up has no loss: the worst there is.
    private double Evaluate(float[] scales, Action evaluated)
    {
        double value = loss(scales);
        evaluated();
        return double.IsFinite(value) ? value : double.MaxValue;
    }
}
