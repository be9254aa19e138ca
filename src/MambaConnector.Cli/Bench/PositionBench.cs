using System.Diagnostics;
using System.Runtime.InteropServices;
using MambaConnector.Cli.Evaluation;

namespace MambaConnector.Cli.Bench;

/// <summary>Measures what a token costs after so many others, in one session that reads on and on, and whether it goes on the same after it was
/// saved.</summary>
internal sealed class PositionBench
{
    // Which tokens does not matter for speed; that every run takes the same does.
    private const int Seed = 1;
    private const int TextTokens = 4096;

    // Tokens timed together: enough to be like the next, few enough for a median over many.
    private const int LargestPiece = 2048;
    private const int DecodeWindows = 4;
    private const int WindowSteps = 16;
    private const int ComparedSteps = 64;

    private readonly MambaModel _model;
    private readonly TokenText _text;
    private readonly float[] _logits;
    private int _piece = LargestPiece;

    /// <param name="model">The model; where sessions keep nothing to undo with, only the state is measured.</param>
    public PositionBench(MambaModel model)
    {
        Random random = new(Seed);
        _model = model;
        _text = new TokenText([.. Enumerable.Range(0, TextTokens).Select(_ => random.Next(model.Info.VocabSize))]);
        _logits = new float[model.Info.PaddedVocabSize];
    }

    /// <summary>What kept the session's state healthy.</summary>
    public LongContextPolicy Policy { get; private set; } = LongContextPolicy.None;

    /// <summary>Bytes of the session that was saved at the end.</summary>
    public long SavedBytes { get; private set; }

    /// <summary>Whether the session that was loaded gave the same logits as the one that was saved, bit by bit.</summary>
    public bool ContinuesExactly { get; private set; }

    /// <summary>Reads up to each position and measures there.</summary>
    /// <param name="positions">Tokens, ascending.</param>
    /// <param name="prepare">Called with the session before it reads anything.</param>
    /// <param name="progress">Told how far it has come.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public List<BenchPosition> Run(
        IReadOnlyList<long> positions, Action<MambaSession> prepare, IProgress<WorkDone> progress, CancellationToken cancellationToken)
    {
        List<BenchPosition> measured = [];
        using MambaSession session = _model.CreateSession();
        prepare(session);
        Policy = session.Policy;
        // All positions are compared with the first, so what is timed there has the size of what is timed everywhere.
        _piece = (int)Math.Min(LargestPiece, positions[0]);
        WarmUp(session, cancellationToken);
        foreach (long position in positions)
        {
            List<double> prefill = ReadTo(session, position, positions[^1], progress, cancellationToken);
            List<double> decode = Decode(session, cancellationToken);
            measured.Add(new BenchPosition(
                position, BenchSpeeds.Median(prefill), prefill.Max(), BenchSpeeds.Median(decode), decode.Max(), MemoryUse.Current,
                session.StateBytes));
        }

        Compare(session, cancellationToken);
        return measured;
    }

    private void WarmUp(MambaSession session, CancellationToken cancellationToken)
    {
        using MambaSession first = session.Fork();
        Read(first, _piece, cancellationToken);
        Decode(first, cancellationToken);
    }

    // A rest of less than a piece is read and not counted, unless there is nothing else.
    private List<double> ReadTo(MambaSession session, long position, long last, IProgress<WorkDone> progress, CancellationToken cancellationToken)
    {
        List<double> speeds = [];
        for (long left = position - session.TokenCount; left > 0; left = position - session.TokenCount)
        {
            int count = (int)Math.Min(left, _piece);
            double speed = Read(session, count, cancellationToken);
            if (count == _piece || speeds.Count == 0)
            {
                speeds.Add(speed);
            }

            progress.Report(new WorkDone((double)session.TokenCount / last, $"{TokenLengths.Format(session.TokenCount)}, {speed:N0} tokens/s"));
        }

        return speeds;
    }

    private double Read(MambaSession session, int count, CancellationToken cancellationToken)
    {
        int[] tokens = new int[count];
        _text.CopyTo(session.TokenCount, tokens);
        long start = Stopwatch.GetTimestamp();
        session.Append(tokens, cancellationToken);
        return count / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    // In a fork: the session itself stays where it is.
    private List<double> Decode(MambaSession session, CancellationToken cancellationToken)
    {
        List<double> speeds = [];
        using MambaSession fork = session.Fork();
        for (int window = 0; window < DecodeWindows; window++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int step = 0; step < WindowSteps; step++)
            {
                Step(fork, cancellationToken);
            }

            speeds.Add(WindowSteps / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return speeds;
    }

    private void Compare(MambaSession session, CancellationToken cancellationToken)
    {
        using MemoryStream stream = new();
        session.Save(stream);
        SavedBytes = stream.Length;
        stream.Position = 0;
        using MambaSession loaded = _model.LoadSession(stream);
        ContinuesExactly = true;
        for (int step = 0; step < ComparedSteps; step++)
        {
            Step(session, cancellationToken);
            float[] expected = [.. _logits];
            Step(loaded, cancellationToken);
            ContinuesExactly &= MemoryMarshal.AsBytes(expected.AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(_logits.AsSpan()));
        }
    }

    private void Step(MambaSession session, CancellationToken cancellationToken) =>
        _model.DecodeBatch([session], [_text[session.TokenCount]], _logits, cancellationToken);
}
