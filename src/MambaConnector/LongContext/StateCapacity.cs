namespace MambaConnector;

/// <summary>How much a model's state can hold, and what published fits say of models of that size. Immutable, with value equality.</summary>
/// <remarks>The fits are those of arXiv 2410.07145 (section 5): Mamba-2 models of 0.8 to 19 million state values, trained on text of the GPT-NeoX
/// tokenizer. For Mamba-1 and for other tokenizers they give an order of magnitude at best; the paper says nothing about these. S is the number of state values
/// in millions, not <c>d_state</c>; tokens are counted in thousands.</remarks>
public sealed record StateCapacity
{
    private const double Million = 1e6;
    private const double Thousand = 1e3;

    private StateCapacity(
        MambaArchitecture architecture, int layers, int innerWidth, int stateWidth, int groups, int convolutionTaps, long trainingLength)
    {
        bool isMamba2 = architecture == MambaArchitecture.Mamba2;
        if (!isMamba2 && architecture is not (MambaArchitecture.Mamba1 or MambaArchitecture.FalconMamba))
        {
            throw new ArgumentException($"The capacity of Mamba-1 and Mamba-2 is known, and that of {architecture} is not.");
        }

        long convolved = innerWidth + (isMamba2 ? 2L * groups * stateWidth : 0);
        Architecture = architecture;
        SsmValues = (long)layers * innerWidth * stateWidth;
        ConvolutionValues = layers * convolved * (convolutionTaps - 1);
        TrainingLength = trainingLength > 0 ? trainingLength : null;
        double millions = StateValues / Million;
        ForgetLength = InRange((5.172 * millions) - 4.469);
        RecallLength = InRange((4.756 * (Math.Pow(1.365, millions) - 1)) - 0.742);
    }

    /// <summary>The family.</summary>
    public MambaArchitecture Architecture { get; }

    /// <summary>Numbers in the SSM states of all layers: L d_inner N, which is L H P N for Mamba-2.</summary>
    public long SsmValues { get; }

    /// <summary>Numbers in the windows of all convolutions: L w (d_conv - 1), with w = d_inner for Mamba-1 and d_inner + 2 G N for Mamba-2.</summary>
    public long ConvolutionValues { get; }

    /// <summary>S, the numbers that carry a session's past: those of the SSM states and of the convolutions.</summary>
    public long StateValues => SsmValues + ConvolutionValues;

    /// <summary>Bytes of <see cref="StateValues"/> in FP32. A session takes some more for tokens that wait to enter the state
    /// (<see cref="MambaModelInfo.StateBytes"/>).</summary>
    public long StateValueBytes => StateValues * sizeof(float);

    /// <summary>T_train, tokens; null where it is not known.</summary>
    public long? TrainingLength { get; }

    /// <summary>T_forget, tokens: training on texts shorter than this, a model of this size does not learn to forget, and its state can collapse on longer
    /// ones: <c>5.172 S - 4.469</c> thousand. Null where the fit gives nothing above 0: the model is below its range.</summary>
    public double? ForgetLength { get; }

    /// <summary>T_recall, tokens: the longest text from which a model of this size, trained long enough, gives a passkey back in more than 95 % of all cases:
    /// <c>4.756 (1.365^S - 1) - 0.742</c> thousand. Null where the fit gives nothing above 0: the model is below its range.</summary>
    public double? RecallLength { get; }

    /// <summary>Whether the model was trained on texts of at least <see cref="ForgetLength"/>; null where either is not known.</summary>
    public bool? IsTrainedToForget => TrainingLength is long trained && ForgetLength is double needed ? trained >= needed : null;

    /// <summary>A sentence for whoever loads the model, where its training length is below <see cref="ForgetLength"/>; else null.</summary>
    public string? Warning => IsTrainedToForget != false ? null
        : $"Feed your Mamba: it was trained on texts of {TrainingLength:N0} tokens, and a state of {StateValues / Million:N2} million values learns to forget from " +
            $"about {ForgetLength:N0} on ({FitLabel}); past {TrainingLength:N0} tokens its state may collapse, so set a long-context policy there.";

    /// <summary>What the fits are worth for this model.</summary>
    public string FitLabel => Architecture == MambaArchitecture.Mamba2
        ? "a fit for Mamba-2 on GPT-NeoX tokens, arXiv 2410.07145; for other tokenizers an order of magnitude"
        : "a fit for Mamba-2 on GPT-NeoX tokens, arXiv 2410.07145; for Mamba-1 an order of magnitude";

    /// <summary>The capacity of a model.</summary>
    /// <param name="model">Its shape.</param>
    /// <param name="trainingLength">T_train, tokens, where the model does not say or is to be overruled.</param>
    /// <exception cref="ArgumentException">The model is neither of Mamba-1 nor of Mamba-2.</exception>
    public static StateCapacity Of(MambaModelInfo model, long? trainingLength = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new StateCapacity(
            model.Architecture, model.LayerCount, model.DInner, model.DState, model.GroupCount, model.DConv,
            Check(trainingLength) ?? model.TrainingLength);
    }

    /// <summary>The capacity of a shape.</summary>
    /// <param name="shape">The shape.</param>
    /// <param name="trainingLength">T_train, tokens; null where it is not known.</param>
    /// <exception cref="ArgumentException">The shape is neither of Mamba-1 nor of Mamba-2.</exception>
    public static StateCapacity Of(MambaShape shape, long? trainingLength = null)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return new StateCapacity(
            shape.Architecture, shape.LayerCount, shape.Expand * shape.DModel, shape.DState, shape.GroupCount, shape.DConv, Check(trainingLength) ?? 0);
    }

    private static long? Check(long? trainingLength)
    {
        if (trainingLength is long length)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(length, 1, nameof(trainingLength));
        }

        return trainingLength;
    }

    private static double? InRange(double thousands) => thousands > 0 ? thousands * Thousand : null;
}
