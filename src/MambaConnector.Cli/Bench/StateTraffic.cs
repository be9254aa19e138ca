namespace MambaConnector.Cli.Bench;

/// <summary>Bytes of its state that a session moves for a decoded token, from the shape alone.</summary>
internal static class StateTraffic
{
    // Mamba-2's single tokens wait in a ring of so many entries, and enter the state together.
    private const int RingEntries = 16;

    /// <summary>Bytes read and written for one token, in the mean over many.</summary>
    public static long PerToken(MambaModelInfo info)
    {
        if (info.Architecture != MambaArchitecture.Mamba2)
        {
            return 2 * info.StateBytes;
        }

        long entry = sizeof(float) * info.LayerCount * (info.DInner + ((long)info.GroupCount * info.DState) + info.HeadCount);
        long states = sizeof(float) * info.LayerCount * (long)info.DInner * info.DState;
        long windows = info.StateBytes - states - (RingEntries * entry);

        // A state is read, and written once in a round. Of the ring 0 to 15 entries are read, and one is written.
        return (2 * windows) + states + (states / RingEntries) + (entry * (RingEntries - 1) / 2) + entry;
    }
}
