using System.Diagnostics;

namespace MambaConnector.Cli.Evaluation;

/// <summary>Reads a text of any length through one session, at the speed of a prompt and the memory of one piece, and adds up the loss by
/// position.</summary>
internal sealed class LossEvaluator
{
    // Logits of a piece: 1,024 rows of a vocabulary of 16,384.
    private const int LogitsBytes = 64 << 20;
    private const int MaximumPiece = 2048;

    // Pieces end on the grid of chunks, so that where a run was interrupted changes no bit of what follows.
    private const int Grid = 64;

    // States are looked at where pieces end: at every step of the grid within the length that gives the maxima, as calibration does, and behind it
    // at least so often in as many tokens.
    private const int MinimumLooks = 8;

    private readonly TokenText _text;
    private readonly long _length;
    private readonly long _width;
    private readonly long _watchedLength;
    private readonly int _columns;
    private readonly int[] _tokens;
    private readonly int[] _targets;
    private readonly double[] _losses;
    private readonly float[] _logits;

    /// <param name="columns">Length of a row of logits.</param>
    /// <param name="text">What to read.</param>
    /// <param name="length">Tokens to read.</param>
    /// <param name="width">Positions of a step of <see cref="LossSums.Steps"/>.</param>
    /// <param name="watchedLength">The norms of the state's heads are compared with their maxima within so many tokens; 0: not at all.</param>
    public LossEvaluator(int columns, TokenText text, long length, long width, long watchedLength = 0)
    {
        (_text, _length, _width, _columns, _watchedLength) = (text, length, width, columns, watchedLength);
        int piece = Math.Clamp(LogitsBytes / sizeof(float) / columns / Grid * Grid, Grid, MaximumPiece);
        if (watchedLength > 0)
        {
            piece = (int)Math.Clamp(watchedLength / MinimumLooks / Grid * Grid, Grid, piece);
        }

        _tokens = new int[piece];
        _targets = new int[piece];
        _losses = new double[piece];
        _logits = new float[(long)piece * columns];
    }

    /// <summary>Reads the next piece.</summary>
    /// <param name="session">Holds the tokens of the run so far.</param>
    /// <param name="run">Goes on by the piece.</param>
    /// <param name="cancellationToken">Ends it; session and run are as before then.</param>
    /// <returns>Whether there is more to read.</returns>
    public bool ReadPiece(MambaSession session, LossRun run, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        long first = run.TokenCount;
        int count = (int)Math.Min(first < _watchedLength ? Grid : _tokens.Length, _length - first);
        _text.CopyTo(first, _tokens.AsSpan(0, count));
        session.EvaluateLogits(_tokens.AsSpan(0, count), _logits.AsSpan(0, count * _columns), cancellationToken);

        // Row i predicts the token at first + i + 1; behind the last token nothing is asked for.
        int scored = (int)Math.Min(count, _length - 1 - first);
        _text.CopyTo(first + 1, _targets.AsSpan(0, scored));
        CrossEntropy.OfRows(_logits, _columns, _targets, _losses.AsMemory(0, scored));
        for (int row = 0; row < scored; row++)
        {
            run.Sums.Add(first + row + 1, _losses[row], _width);
        }

        run.TokenCount += count;
        run.StateBytes = session.StateBytes;
        if (_watchedLength > 0)
        {
            LookAtState(session.GetStateStatistics(), run);
        }

        run.Seconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
        return run.TokenCount < _length;
    }

    private void LookAtState(StateStatistics state, LossRun run)
    {
        double greatest = 0;
        for (int layer = 0, index = 0; layer < state.LayerCount; layer++)
        {
            foreach (HeadStatistics head in state.Layer(layer))
            {
                if (run.NormMaxima.Count == index)
                {
                    run.NormMaxima.Add(head.Norm);
                }

                if (run.TokenCount <= _watchedLength)
                {
                    run.NormMaxima[index] = Math.Max(run.NormMaxima[index], head.Norm);
                }
                else if (!(head.Norm <= greatest * run.NormMaxima[index]))
                {
                    greatest = head.Norm / run.NormMaxima[index];
                }

                index++;
            }
        }

        if (run.TokenCount > _watchedLength)
        {
            run.Sums.AddNormRatio(run.TokenCount - 1, greatest);
        }
    }
}
