namespace MambaConnector.Cli.Bench;

/// <summary>Arithmetic of one token, from the shape alone. A multiply and an add are two operations; exponentials count as one.</summary>
internal static class FlopCount
{
    /// <summary>Operations of one token through every layer and the head.</summary>
    public static long PerToken(MambaModelInfo info) => PerPromptToken(info) + (2L * info.PaddedVocabSize * info.DModel);

    /// <summary>Operations of one token through every layer: of a prompt only the last token's logits are wanted.</summary>
    public static long PerPromptToken(MambaModelInfo info) =>
        info.LayerCount * (info.Architecture == MambaArchitecture.Mamba2 ? Mamba2Layer(info) : Mamba1Layer(info));

    // State: dt * A, exp, decay * h, dt * x, B * that, add; output: C * h, add.
    private static long Mamba1Layer(MambaModelInfo info)
    {
        long dInner = info.DInner;
        long projections = 2 * ((2 * dInner * info.DModel) + (dInner * (info.DtRank + (2L * info.DState))) + (dInner * info.DtRank) + (dInner * info.DModel));
        return projections + (2 * info.DConv * dInner) + (7 * dInner * info.DState) + dInner;
    }

    // The decay is one number a head: decay * h, B * (dt * x), add; C * h, add.
    private static long Mamba2Layer(MambaModelInfo info)
    {
        long dInner = info.DInner;
        long convolved = dInner + (2L * info.GroupCount * info.DState);
        long projections = 2 * (((dInner + convolved + info.HeadCount) * info.DModel) + (dInner * info.DModel));
        return projections + (2 * info.DConv * convolved) + (5 * dInner * info.DState) + dInner;
    }
}
