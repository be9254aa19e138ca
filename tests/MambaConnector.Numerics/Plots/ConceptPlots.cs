using MambaConnector.Cli.Plots;
using MambaConnector.Numerics.Gated;
using MambaConnector.Numerics.LongContext;
using MambaConnector.Numerics.StateSpace;

namespace MambaConnector.Numerics.Plots;

/// <summary>The plots of docs/concepts.md that show models and not a model: drawn from what this project computes.</summary>
internal static class ConceptPlots
{
    private static readonly PlotAxis TokenAxis = new("token", Format: value => $"{value:0}");

    public static IReadOnlyDictionary<string, LineChart> All { get; } = new Dictionary<string, LineChart>
    {
        ["s4-kernel"] = Kernels(),
        ["discretisation"] = Rules(),
        ["retention"] = Retention(),
        ["policy-window"] = Policy(
            "Restart window, r = 512: the last r to 2 r tokens, as they were", "window", TokenWeights.OfWindow(TokenWeights.Plain)),
        ["policy-forget"] = Policy(
            "Forget more, g_a = exp(-1/1024), g_B = 0.75: every token weighs g_a^age less", "forget more",
            TokenWeights.Of(ForgetMore.Apply(TokenWeights.Plain, Math.Exp(-1.0 / 1024), 0.75))),
        ["policy-delta"] = Policy(
            "Delta scale, s = 0.5: tokens insert half and decay half as fast", "dt halved",
            TokenWeights.Of([.. Enumerable.Range(0, TokenWeights.Tokens).Select(token => TokenWeights.Step(token, dt: 0.5))])),
        ["policy-decay"] = Policy(
            "Decay scale, s = 2: tokens insert the same and decay twice as fast", "A doubled",
            TokenWeights.Of([.. Enumerable.Range(0, TokenWeights.Tokens).Select(token => TokenWeights.Step(token, decay: 2))])),
        ["policy-norm"] = Policy(
            "State norm, cap of 500 newest tokens: the whole state shrinks whenever it is too large", "capped",
            TokenWeights.OfCapped(TokenWeights.Plain, 500)),
        ["policy-filter"] = Filter(),
        ["norm-growth"] = Growth(),
    };

    private static LineChart Kernels()
    {
        const double Dt = 0.05;
        PlotSeries Of(string name, string label) => new(
            label, [.. KnownSystems.Create(name).Discretize(Dt, DiscretizationRule.ZeroOrderHold).Kernel(80).Select((k, i) => ((double)i, k))]);

        return new()
        {
            Title = "What one input does to later outputs: kernels of systems with fixed parameters",
            X = new("steps since the input"),
            Y = new("C A^i B"),
            Series = [Of("decay", "real decays (S4D)"), Of("rotation", "a damped rotation"), Of("legs", "HiPPO-LegS (S4)")],
            Including = 0,
        };
    }

    private static LineChart Rules()
    {
        PlotSeries Of(DiscretizationRule rule, string label) => new(label, [.. Enumerable.Range(0, 61).Select(i =>
        {
            double dt = 0.05 * i;
            return (dt, new ContinuousSystem(new double[,] { { -1 } }, [1], [1]).Discretize(dt, rule).A[0, 0]);
        })]);

        return new()
        {
            Title = "What a step of dt keeps of a state that decays at rate 1",
            X = new("dt"),
            Y = new("Abar"),
            Series =
            [
                Of(DiscretizationRule.ZeroOrderHold, "exp(dt A): zero-order hold, Mamba"), Of(DiscretizationRule.Bilinear, "bilinear: S4"),
                Of(DiscretizationRule.Euler, "Euler"),
            ],
            Including = 0,
        };
    }

    private static LineChart Retention() => new()
    {
        Title = "What is left of the first token: exp(A (dt_1 + .. + dt_t)), by how much a token decays on average",
        X = PlotAxis.Positions,
        Y = new("retention"),
        Series = [.. new[] { (1e-1, "0.1"), (1e-2, "0.01"), (1e-3, "0.001"), (1e-4, "0.0001"), (1e-5, "0.00001") }.Select(rate => new PlotSeries(
            rate.Item2, [.. Enumerable.Range(0, 81).Select(i => Math.Pow(2, i / 4.0)).Select(t => (t, Math.Exp(-rate.Item1 * t)))]))],
        Including = 0,
        Mark = (8192, "T_train of the embedded model"),
    };

    private static LineChart Policy(string title, string label, (double X, double Y)[] points) => new()
    {
        Title = title,
        X = TokenAxis,
        Y = new("weight in the state after token 3400"),
        Series = [new("no policy", TokenWeights.Of(TokenWeights.Plain)), new(label, points)],
        Including = 0,
    };

    private static LineChart Filter() => new()
    {
        Title = "Token filter: below the threshold dt := 0, so most tokens neither insert nor decay",
        X = TokenAxis,
        Y = new("weight in the state after token 3400"),
        Series =
        [
            new("no policy", TokenWeights.Of(TokenWeights.Filtered(0))),
            new("dt below its mean left out", TokenWeights.Of(TokenWeights.Filtered(1))),
        ],
        Including = 0,
    };

    private static LineChart Growth()
    {
        GatedStep[] healthy = NormGrowth.Steps(1);
        GatedStep[] keeping = NormGrowth.Steps(0.001);
        (double X, double Y)[] none = NormGrowth.Of(keeping);
        double cap = none.First(point => point.X == NormGrowth.TrainingLength).Y;
        double retention = Math.Exp(-1.0 / NormGrowth.TrainingLength);
        return new()
        {
            Title = "The norm of a head's state: A = -1, and the same inputs with A scaled by 0.001",
            X = new("tokens read", Format: value => $"{value:0}"),
            Y = new("norm"),
            Series =
            [
                new("A", NormGrowth.Of(healthy)), new("0.001 A", none), new("0.001 A, window 1024", NormGrowth.OfWindow(keeping)),
                new("0.001 A, forget more", NormGrowth.Of(ForgetMore.Apply(keeping, retention))),
                new("0.001 A, norm capped", NormGrowth.OfCapped(keeping, cap)),
            ],
            Including = 0,
            Mark = (NormGrowth.TrainingLength, "T_train"),
        };
    }
}
