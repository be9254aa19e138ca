using MambaConnector.Backend;

namespace MambaConnector.LongContext;

/// <summary>Measures states of a backend.</summary>
internal static class StateReader
{
    public static StateStatistics Measure(IBackendSession state, MambaModelInfo model)
    {
        int heads = StateHeads.Count(model);
        HeadStatistics[] all = new HeadStatistics[model.LayerCount * heads];
        for (int layer = 0; layer < model.LayerCount; layer++)
        {
            state.GetStatistics(layer, all.AsSpan(layer * heads, heads));
        }

        return new StateStatistics(state.Info.TokenCount, model.LayerCount, all);
    }

    /// <summary>Whether a state adds up its step sizes: a saved one may.</summary>
    public static bool TracksDecay(IBackendSession state, MambaModel model)
    {
        HeadStatistics[] heads = new HeadStatistics[StateHeads.Count(model.Info)];
        state.GetStatistics(0, heads);
        return !double.IsNaN(heads[0].LogRetention);
    }
}
