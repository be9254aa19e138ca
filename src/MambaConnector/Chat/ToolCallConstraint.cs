using System.Text;
using MambaConnector.Constraints;
using MambaConnector.Generation;

namespace MambaConnector.Chat;

/// <summary>Leaves a reply free until it begins a call; then the call is held to the tools, and closed before the budget ends. A call that
/// no longer fits, or any where none is wanted, cannot be begun.</summary>
internal sealed class ToolCallConstraint : ITokenConstraint
{
    private readonly MambaTokenizer _tokenizer;
    private readonly HashSet<int> _stopTokens;
    private readonly IReadOnlySet<int> _controlTokens;
    private readonly ToolCallFormat _format;
    private readonly byte[] _trigger;
    private readonly int[] _failures;
    private readonly JsonConstraint? _calls;
    private readonly uint[] _mask;
    private bool _isMasked;
    private bool _isCalling;
    private int _matched; // how much of the trigger the text ends with

    /// <param name="tokenizer">The model's.</param>
    /// <param name="stopTokens">Tokens that end a reply.</param>
    /// <param name="format">How the model calls.</param>
    /// <param name="calls">What must follow the trigger; null: no call may be begun.</param>
    public ToolCallConstraint(MambaTokenizer tokenizer, IReadOnlyCollection<int> stopTokens, ToolCallFormat format, JsonConstraint? calls)
    {
        _tokenizer = tokenizer;
        _stopTokens = [.. stopTokens];
        _format = format;
        _controlTokens = format.ControlTokens(tokenizer);
        _trigger = Encoding.UTF8.GetBytes(format.Trigger);
        _failures = FailureFunction(_trigger);
        _calls = calls;
        _mask = new uint[(tokenizer.VocabularySize + 31) / 32];
        AllowAll();
    }

    /// <inheritdoc/>
    public ReadOnlySpan<uint> Mask => _isCalling ? _calls!.Mask : _isMasked ? _mask : [];

    /// <inheritdoc/>
    public bool IsComplete => _isCalling && _calls!.IsComplete;

    /// <inheritdoc/>
    public bool TryAccept(int token, int tokensLeft)
    {
        if (_isCalling)
        {
            return _calls!.TryAccept(token, tokensLeft);
        }

        if (!_stopTokens.Contains(token) && !TryFollow(token, tokensLeft))
        {
            Refuse(token);
            return false;
        }

        if (_isMasked && !_isCalling)
        {
            AllowAll();
        }

        return true;
    }

    private bool TryFollow(int token, int tokensLeft)
    {
        // Control tokens that are left out of the text neither help nor hinder a trigger.
        ReadOnlySpan<byte> bytes = _tokenizer.IsSpecial(token) && !_controlTokens.Contains(token) ? [] : _tokenizer.GetBytes(token);
        int matched = _matched;
        for (int index = 0; index < bytes.Length; index++)
        {
            while (matched > 0 && _trigger[matched] != bytes[index])
            {
                matched = _failures[matched - 1];
            }

            matched += _trigger[matched] == bytes[index] ? 1 : 0;
            if (matched == _trigger.Length)
            {
                // A token that goes on beyond the trigger would be neither text nor the beginning of a call.
                _isCalling = index == bytes.Length - 1 && _calls is not null && _calls.MinimumTokens <= tokensLeft;
                return _isCalling;
            }
        }

        _matched = matched;
        return true;
    }

    // Where no call may be begun, the token that is the whole trigger is never offered.
    private void AllowAll()
    {
        _mask.AsSpan().Fill(uint.MaxValue);
        _isMasked = false;
        if (_calls is null && _tokenizer.TryGetId(_format.Trigger, out int trigger))
        {
            Refuse(trigger);
        }
    }

    private void Refuse(int token)
    {
        _isMasked = true;
        _mask[token >> 5] &= ~(1u << token);
    }

    // failure[i]: the length of the longest proper beginning of the text that its first i + 1 bytes end with.
    private static int[] FailureFunction(byte[] text)
    {
        int[] failure = new int[text.Length];
        for (int index = 1, state = 0; index < text.Length; index++)
        {
            while (state > 0 && text[index] != text[state])
            {
                state = failure[state - 1];
            }

            state += text[index] == text[state] ? 1 : 0;
            failure[index] = state;
        }

        return failure;
    }
}
