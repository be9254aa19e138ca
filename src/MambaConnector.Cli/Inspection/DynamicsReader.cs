namespace MambaConnector.Cli.Inspection;

/// <summary>Follows one layer while a session reads a text.</summary>
internal static class DynamicsReader
{
    // Tokens traced at once: of 64 heads 1 MB.
    private const int SliceLength = 1024;

    /// <summary>Reads tokens and gathers what a layer does with them.</summary>
    /// <param name="session">Advanced by the tokens.</param>
    /// <param name="tokens">The text.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="heads">Which heads of it.</param>
    /// <param name="every">Tokens that are taken together.</param>
    /// <param name="progress">Told the fraction done.</param>
    /// <param name="cancellationToken">Looked at between slices.</param>
    public static LayerDynamics Read(
        MambaSession session, ReadOnlySpan<int> tokens, int layer, IReadOnlyList<int> heads, int every, IProgress<double> progress,
        CancellationToken cancellationToken)
    {
        List<long> positions = [];
        HeadDynamics[] gathered = [.. heads.Select(head => new HeadDynamics(head))];
        HeadSums[] sums = new HeadSums[heads.Count];
        long held = TokensHeld(session.Policy);
        int count = 0;
        for (int start = 0; start < tokens.Length; start += SliceLength)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ReadOnlySpan<int> slice = tokens.Slice(start, Math.Min(SliceLength, tokens.Length - start));
            HeadStep[,] steps = session.Trace(layer, slice);
            for (int row = 0; row < slice.Length; row++)
            {
                for (int index = 0; index < gathered.Length; index++)
                {
                    sums[index].Add(steps[row, heads[index]], isHeld: start + row < held);
                }

                count++;
                if (count == every || start + row + 1 == tokens.Length)
                {
                    positions.Add(start + row + 1);
                    for (int index = 0; index < gathered.Length; index++)
                    {
                        gathered[index].Add(ref sums[index], count);
                    }

                    count = 0;
                }
            }

            progress.Report((double)(start + slice.Length) / tokens.Length);
        }

        return new LayerDynamics(positions, gathered);
    }

    // A window lets go of all its first r tokens when it has read 2 r.
    private static long TokensHeld(LongContextPolicy policy) => policy switch
    {
        RestartWindowPolicy window => 2L * window.Tokens,
        DifferenceWindowPolicy window => 2L * window.Tokens,
        _ => long.MaxValue,
    };
}
