namespace MambaConnector.LongContext;

/// <summary>How a layer's state is taken apart to be looked at.</summary>
internal static class StateHeads
{
    // Mamba-1's decay is each channel's own, so channels are looked at in blocks.
    private const int BlockChannels = 64;

    /// <summary>Heads of a layer; of Mamba-1 its blocks of channels, the last one maybe smaller.</summary>
    public static int Count(MambaModelInfo model) =>
        model.HeadCount > 0 ? model.HeadCount : (model.DInner + BlockChannels - 1) / BlockChannels;
}
