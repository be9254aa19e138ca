namespace MambaConnector.Documents.Questions;

/// <summary>Asks a question to several states at once, and finds how certain each is of its answer: the mean entropy of the first tokens of a greedy
/// answer.</summary>
/// <param name="index">The document that they have read of.</param>
/// <param name="closing">The question, with what stands behind the document.</param>
/// <param name="noAnswer">How an answer begins that says there is none; null: none does.</param>
/// <param name="certaintyTokens">Tokens of an answer whose entropy counts, at most.</param>
internal sealed class CertaintyMeter(DocumentIndex index, ReadOnlyMemory<int> closing, string? noAnswer, int certaintyTokens)
{
    private readonly MambaModel _model = index.Model;
    private readonly HashSet<int> _ends =
        [.. index.Prompt.EndReplies(new GenerationOptions()).StopTokenIds ?? index.Model.GenerationDefaults.EndTokenIds];

    // As many tokens as the text needs, one for what stands before it, one behind it.
    private readonly int _tokens = Math.Max(certaintyTokens, noAnswer is null ? 1 : index.Model.Tokenizer.Encode(noAnswer).Length + 2);

    /// <summary>States in memory for each session: those that answer are forks.</summary>
    public int StatesPerSession => _tokens > 1 ? 2 : 1;

    /// <summary>Whether an answer begins as one that says there is none: whatever the case, and in whole words.</summary>
    public static bool IsNoAnswer(string answer, string noAnswer)
    {
        ReadOnlySpan<char> text = answer.AsSpan().TrimStart();
        noAnswer = noAnswer.Trim();
        return text.StartsWith(noAnswer, StringComparison.OrdinalIgnoreCase)
            && (text.Length == noAnswer.Length || !char.IsLetterOrDigit(text[noAnswer.Length]));
    }

    /// <summary>Asks all of them.</summary>
    /// <param name="sessions">Behind the document's text; afterwards behind the question.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Of each session the mean entropy in nats, and whether it says that there is no answer.</returns>
    public IReadOnlyList<(double Entropy, bool SaysNoAnswer)> Ask(IReadOnlyList<MambaSession> sessions, CancellationToken cancellationToken)
    {
        float[] logits = new float[(long)sessions.Count * _model.Info.PaddedVocabSize];
        _model.EvaluateBatch(sessions, [.. sessions.Select(_ => closing)], logits, cancellationToken);
        List<Answer> answers = [.. sessions.Select((session, row) => new Answer(session, Row(logits, row)))];
        List<MambaSession> forks = [];
        try
        {
            for (int row = 0; row < sessions.Count && _tokens > 1; row++)
            {
                forks.Add(sessions[row].Fork());
                answers[row].Session = forks[row];
            }

            for (int step = 1; step < _tokens; step++)
            {
                Answer[] going = [.. answers.Where(answer => !IsEnded(answer))];
                if (going.Length == 0)
                {
                    break;
                }

                _model.DecodeBatch(
                    [.. going.Select(answer => answer.Session)], [.. going.Select(answer => answer.Tokens[^1])],
                    logits.AsSpan(0, going.Length * _model.Info.PaddedVocabSize), cancellationToken);
                for (int row = 0; row < going.Length; row++)
                {
                    going[row].Add(Row(logits, row), counts: step < certaintyTokens);
                }
            }
        }
        finally
        {
            forks.ForEach(fork => fork.Dispose());
        }

        return [.. answers.Select(answer => (answer.Entropy, noAnswer is not null && IsNoAnswer(Text(answer), noAnswer)))];
    }

    private bool IsEnded(Answer answer) =>
        _ends.Contains(answer.Tokens[^1]) || (index.Prompt.EndOfReply is { } end && Text(answer).Contains(end, StringComparison.Ordinal));

    private string Text(Answer answer) => _model.Tokenizer.Decode([.. answer.Tokens.Where(token => !_ends.Contains(token))], skipSpecial: true);

    private NextToken Row(float[] logits, int row) =>
        NextToken.Of(_model, logits.AsSpan(row * _model.Info.PaddedVocabSize, _model.Info.PaddedVocabSize));

    /// <summary>A greedy answer so far.</summary>
    private sealed class Answer(MambaSession session, NextToken first)
    {
        private double _sum = first.Entropy;
        private int _count = 1;

        public MambaSession Session { get; set; } = session;

        public List<int> Tokens { get; } = [first.MostLikely];

        public double Entropy => _sum / _count;

        public void Add(NextToken token, bool counts)
        {
            Tokens.Add(token.MostLikely);
            if (counts)
            {
                _sum += token.Entropy;
                _count++;
            }
        }
    }
}
