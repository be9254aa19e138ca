using System.Text;

namespace MambaConnector.Generation;

/// <summary>Finds stop sequences in text that arrives in pieces, and lets text through only when no stop sequence can begin in it any more.</summary>
/// <remarks>One Knuth-Morris-Pratt automaton a sequence: its state is the length of the longest beginning of the sequence that the text ends
/// with, so the longest state is what must be held back. The match is the one that completes first; of several that complete together, the
/// longest.</remarks>
internal sealed class StopMatcher
{
    private readonly string[] _sequences;
    private readonly int[][] _failures;
    private readonly int[] _states;
    private readonly StringBuilder _held = new();

    /// <param name="sequences">None is empty.</param>
    public StopMatcher(IReadOnlyList<string> sequences)
    {
        _sequences = [.. sequences];
        _failures = [.. _sequences.Select(FailureFunction)];
        _states = new int[_sequences.Length];
    }

    /// <summary>Characters taken in so far, those of the match included.</summary>
    public int Position { get; private set; }

    /// <summary>Whether a stop sequence has completed. Nothing is taken in afterwards.</summary>
    public bool IsMatched { get; private set; }

    /// <summary>Where the match begins, in characters.</summary>
    public int MatchStart { get; private set; }

    /// <summary>Takes in a piece and returns the text that is certain not to belong to a stop sequence.</summary>
    public string Append(string text)
    {
        if (_sequences.Length == 0 || IsMatched)
        {
            Position += IsMatched ? 0 : text.Length;
            return IsMatched ? "" : text;
        }

        foreach (char character in text)
        {
            _held.Append(character);
            Position++;
            int matched = Advance(character);
            if (matched > 0)
            {
                IsMatched = true;
                MatchStart = Position - matched;
                return Release(matched, keep: false);
            }
        }

        int tail = _states.Max();
        if (tail == 0 && _held.Length == text.Length)
        {
            // Nothing held back before or now: the piece itself, not a copy.
            _held.Clear();
            return text;
        }

        return Release(tail, keep: true);
    }

    /// <summary>Ends the text: what was held back is no beginning of a match after all.</summary>
    public string Flush() => Release(0, keep: false);

    /// <returns>The length of the longest sequence that completes with this character, or 0.</returns>
    private int Advance(char character)
    {
        int longest = 0;
        for (int index = 0; index < _sequences.Length; index++)
        {
            string sequence = _sequences[index];
            int state = _states[index];
            while (state > 0 && sequence[state] != character)
            {
                state = _failures[index][state - 1];
            }

            state += sequence[state] == character ? 1 : 0;
            _states[index] = state;
            if (state == sequence.Length)
            {
                longest = Math.Max(longest, state);
            }
        }

        return longest;
    }

    private string Release(int tail, bool keep)
    {
        int length = _held.Length - tail;
        string text = _held.ToString(0, length);
        _held.Remove(0, keep ? length : _held.Length);
        return text;
    }

    // failure[i]: the length of the longest proper beginning of the sequence that its first i + 1 characters end with.
    private static int[] FailureFunction(string sequence)
    {
        int[] failure = new int[sequence.Length];
        for (int index = 1, state = 0; index < sequence.Length; index++)
        {
            while (state > 0 && sequence[index] != sequence[state])
            {
                state = failure[state - 1];
            }

            state += sequence[index] == sequence[state] ? 1 : 0;
            failure[index] = state;
        }

        return failure;
    }
}
