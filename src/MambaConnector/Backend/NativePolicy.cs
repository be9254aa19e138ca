using MambaConnector.LongContext;
using MambaConnector.Native;
using MambaConnector.Native.Generated;

namespace MambaConnector.Backend;

/// <summary>Long-context policies as the native library has them.</summary>
internal static class NativePolicy
{
    /// <summary>Sets a policy that was resolved for the session's model.</summary>
    public static void Write(SessionHandle session, LongContextPolicy policy, int layerCount)
    {
        MambaPolicy.__Internal native = new();
        float[] values = [];
        switch (policy)
        {
            case NoPolicy:
                native.kind = (int)MambaPolicyKind.MAMBA_POLICY_NONE;
                break;
            case RestartWindowPolicy window:
                native.kind = (int)MambaPolicyKind.MAMBA_POLICY_RESTART_WINDOW;
                native.window = window.Tokens;
                break;
            case DifferenceWindowPolicy window:
                native.kind = (int)MambaPolicyKind.MAMBA_POLICY_DIFFERENCE_WINDOW;
                native.window = window.Tokens;
                break;
            case ForgetMorePolicy forget:
                native.kind = (int)MambaPolicyKind.MAMBA_POLICY_FORGET_MORE;
                (native.retention, native.insertion) = (forget.Retention, forget.Insertion);
                break;
            case StateNormPolicy norm:
                native.kind = (int)MambaPolicyKind.MAMBA_POLICY_STATE_NORM;
                native.norm_scale = norm.Scale;
                values = LayerValues.Flatten(norm.Caps);
                break;
            case DeltaScalePolicy delta:
                native.kind = (int)MambaPolicyKind.MAMBA_POLICY_DELTA_SCALE;
                values = LayerScales.Expand(delta.Scales, layerCount);
                break;
            case DecayScalePolicy decay:
                native.kind = (int)MambaPolicyKind.MAMBA_POLICY_DECAY_SCALE;
                values = LayerScales.Expand(decay.Scales, layerCount);
                break;
            case TokenFilterPolicy filter:
                native.kind = (int)MambaPolicyKind.MAMBA_POLICY_TOKEN_FILTER;
                native.window = filter.PromptLength;
                values = LayerValues.Flatten(filter.Thresholds);
                break;
            default:
                throw new ArgumentException($"The policy '{policy}' was not resolved for a model.", nameof(policy));
        }

        native.layer_value_count = values.Length / layerCount;
        session.SetPolicy(native, values);
    }

    /// <summary>The policy of a session, in the form that resolving gives.</summary>
    /// <exception cref="MambaFormatException">It has one that this version does not know.</exception>
    public static LongContextPolicy Read(SessionHandle session)
    {
        MambaPolicy.__Internal native = session.GetPolicy(out float[] values);
        return (MambaPolicyKind)native.kind switch
        {
            MambaPolicyKind.MAMBA_POLICY_NONE => LongContextPolicy.None,
            MambaPolicyKind.MAMBA_POLICY_RESTART_WINDOW => new RestartWindowPolicy(Window(native.window)),
            MambaPolicyKind.MAMBA_POLICY_DIFFERENCE_WINDOW => new DifferenceWindowPolicy(Window(native.window)),
            MambaPolicyKind.MAMBA_POLICY_FORGET_MORE => new ForgetMorePolicy(native.retention, native.insertion),
            MambaPolicyKind.MAMBA_POLICY_STATE_NORM => new StateNormPolicy(Rows(values, native.layer_value_count), native.norm_scale),
            MambaPolicyKind.MAMBA_POLICY_DELTA_SCALE => new DeltaScalePolicy(LayerScales.Merge([.. values])),
            MambaPolicyKind.MAMBA_POLICY_DECAY_SCALE => new DecayScalePolicy(LayerScales.Merge([.. values])),
            MambaPolicyKind.MAMBA_POLICY_TOKEN_FILTER => new TokenFilterPolicy(Rows(values, native.layer_value_count), native.window),
            _ => throw new MambaFormatException(
                MambaErrorCode.Unsupported, $"The session has a long-context policy of kind {native.kind}, which this version does not know."),
        };
    }

    private static int Window(long tokens) => tokens <= int.MaxValue
        ? (int)tokens
        : throw new MambaFormatException(
            MambaErrorCode.Unsupported, $"The session has a window of {tokens} tokens; this version has windows of up to {int.MaxValue}.");

    private static IReadOnlyList<IReadOnlyList<float>> Rows(float[] values, int columns) => [.. values.Chunk(columns)];
}
