using System.Diagnostics.CodeAnalysis;
using MambaConnector.LongContext;

namespace MambaConnector;

/// <summary>What keeps a session's state healthy past the length that its model was trained on. Immutable, with value equality.
/// <see cref="ToString"/> gives the text that <see cref="Parse(string)"/> reads.</summary>
/// <remarks>All policies act in every layer on the recurrence (in the notation of arXiv 2410.07145)
/// <c>h_t = a_t h_{t-1} + dt_t x_t B_t^T</c> with <c>a_t = exp(dt_t A)</c>, which the layer reads as <c>y_t = h_t C_t</c>. docs/long-context.md
/// compares them. Policies other than <see cref="None"/> run on the CPU.</remarks>
public abstract record LongContextPolicy : IParsable<LongContextPolicy>
{
    private protected LongContextPolicy()
    {
    }

    /// <summary>The model's own recurrence, at any length.</summary>
    public static LongContextPolicy None { get; } = new NoPolicy();

    /// <summary>A <see cref="RestartWindowPolicy"/> of half the model's training length, rounded down to a multiple of 64. For the first 2 r tokens
    /// of a session (all of <see cref="MambaModelInfo.TrainingLength"/> where that is a multiple of 128) it is exactly <see cref="None"/>; from there
    /// on the state holds the last half to whole training length and never leaves the range that the model was trained in.</summary>
    /// <remarks><see cref="Resolve"/> refuses it for a model whose training length is not known.</remarks>
    public static LongContextPolicy Auto { get; } = new AutoPolicy();

    /// <inheritdoc cref="RestartWindowPolicy"/>
    /// <param name="tokens">r, a positive multiple of 64.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="tokens"/> is none.</exception>
    public static LongContextPolicy RestartWindow(int tokens) => new RestartWindowPolicy(tokens);

    /// <inheritdoc cref="DifferenceWindowPolicy"/>
    /// <inheritdoc cref="RestartWindow" path="/param"/>
    /// <inheritdoc cref="RestartWindow" path="/exception"/>
    public static LongContextPolicy DifferenceWindow(int tokens) => new DifferenceWindowPolicy(tokens);

    /// <inheritdoc cref="ForgetMorePolicy"/>
    /// <param name="retention">g_a, above 0 and at most 1.</param>
    /// <param name="insertion">g_B, from 1e-6 to 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A factor is out of its range.</exception>
    public static LongContextPolicy ForgetMore(float retention, float insertion = 1) => new ForgetMorePolicy(retention, insertion);

    /// <inheritdoc cref="StateNormPolicy"/>
    /// <param name="caps">p, [layers, heads]: 0 or more. A head of Mamba-1 is a block of 64 channels, the last maybe smaller.</param>
    /// <param name="scale">kappa, which multiplies all of them: positive.</param>
    /// <exception cref="ArgumentException">There are no caps, rows differ in length, or a number is out of its range.</exception>
    public static LongContextPolicy StateNorm(IReadOnlyList<IReadOnlyList<float>> caps, float scale = 1) => new StateNormPolicy(caps, scale);

    /// <summary>A <see cref="StateNormPolicy"/> whose caps are the largest norms that the heads showed on calibration text within the training
    /// length.</summary>
    /// <param name="baseline">What <c>mamba eval calibrate</c> measured.</param>
    /// <param name="scale">kappa, which multiplies all of them: positive.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="scale"/> is not positive.</exception>
    public static LongContextPolicy StateNorm(StateBaseline baseline, float scale = 1)
    {
        ArgumentNullException.ThrowIfNull(baseline);
        return new StateNormPolicy([.. baseline.Layers.Select(layer => (IReadOnlyList<float>)layer.Norm)], scale);
    }

    /// <inheritdoc cref="DeltaScalePolicy"/>
    /// <param name="scales">s, from 1e-6 to 1e6: one for all layers, or one a layer.</param>
    /// <exception cref="ArgumentException">There is none, or one out of its range.</exception>
    public static LongContextPolicy DeltaScale(params IReadOnlyList<float> scales) => new DeltaScalePolicy(scales);

    /// <inheritdoc cref="DecayScalePolicy"/>
    /// <inheritdoc cref="DeltaScale" path="/param"/>
    /// <inheritdoc cref="DeltaScale" path="/exception"/>
    public static LongContextPolicy DecayScale(params IReadOnlyList<float> scales) => new DecayScalePolicy(scales);

    /// <summary>A token filter for prompts of any length: <see cref="ForPrompt"/> makes it the <see cref="TokenFilterPolicy"/> of a prompt. The chat
    /// client and the <c>mamba</c> tool do that for each prompt; a session, which does not know how long its prompt will be, refuses it.</summary>
    /// <param name="table">Thresholds for several lengths.</param>
    public static LongContextPolicy TokenFilter(TokenFilterTable table) => new TokenFilterTablePolicy(table);

    /// <inheritdoc cref="TokenFilterPolicy"/>
    /// <param name="table">Thresholds for several lengths.</param>
    /// <param name="promptLength">S, tokens.</param>
    /// <returns>The filter of that prompt; <see cref="None"/> where <paramref name="promptLength"/> is within the table's
    /// <see cref="TokenFilterTable.TrainingLength"/>.</returns>
    public static LongContextPolicy TokenFilter(TokenFilterTable table, long promptLength) => TokenFilter(table).ForPrompt(promptLength);

    /// <summary>Reads the text of a policy, as command lines and configuration have it: <c>none</c>, <c>auto</c>, <c>window:4096</c>,
    /// <c>difference:4096</c>, <c>forget:0.9999,0.75</c>, <c>delta:0.5</c>, <c>decay:0.8</c> (one number for all layers, one a layer, or a file with
    /// a JSON array of them), <c>norm:BASELINE.json,1</c> or <c>filter:TABLE.json</c>.</summary>
    /// <exception cref="FormatException">The text is none; the message names the forms.</exception>
    /// <exception cref="IOException">It names a file that cannot be read.</exception>
    /// <exception cref="MambaFormatException">It names a file that holds something else.</exception>
    public static LongContextPolicy Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return PolicyText.Parse(text, allowsFiles: true);
    }

    /// <inheritdoc cref="Parse(string)"/>
    /// <param name="s">The text.</param>
    /// <param name="provider">Not used: the text is the same in every culture.</param>
    public static LongContextPolicy Parse(string s, IFormatProvider? provider) => Parse(s);

    /// <summary>Reads the text of a policy, as <see cref="Parse(string)"/> does.</summary>
    /// <returns>Whether it is one and what it names could be read.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, [MaybeNullWhen(false)] out LongContextPolicy policy)
    {
        try
        {
            policy = text is null ? null : Parse(text);
        }
        catch (Exception exception) when (exception is FormatException or IOException or UnauthorizedAccessException or MambaFormatException)
        {
            policy = null;
        }

        return policy is not null;
    }

    /// <inheritdoc cref="TryParse(string?, out LongContextPolicy)"/>
    /// <param name="s">The text.</param>
    /// <param name="provider">Not used: the text is the same in every culture.</param>
    /// <param name="result">The policy.</param>
    public static bool TryParse(
        [NotNullWhen(true)] string? s, IFormatProvider? provider, [MaybeNullWhen(false)] out LongContextPolicy result) => TryParse(s, out result);

    /// <summary>What the policy is for a prompt of this many tokens, counted from the session's first: of a token filter's table the thresholds of
    /// that length, of any other policy itself.</summary>
    public LongContextPolicy ForPrompt(long tokens)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        return OfPrompt(tokens);
    }

    /// <summary>What the policy is for sessions of a model: <see cref="Auto"/> becomes the window of its training length. It is what
    /// <see cref="MambaSession.Policy"/> gives once it has been set.</summary>
    /// <exception cref="ArgumentException">The policy does not fit the model; the message says why.</exception>
    public LongContextPolicy Resolve(MambaModelInfo model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return OfModel(model);
    }

    /// <summary>The policy as text: what <see cref="Parse(string)"/> reads, but for the values of every head that a
    /// <see cref="StateNormPolicy"/> or a <see cref="TokenFilterPolicy"/> has, of which it says how many there are.</summary>
    public sealed override string ToString() => Text;

    private protected abstract string Text { get; }

    private protected virtual LongContextPolicy OfPrompt(long tokens) => this;

    private protected virtual LongContextPolicy OfModel(MambaModelInfo model) => this;
}
