using System.Diagnostics;

namespace MambaConnector.Cli.Bench;

/// <summary>Measures prefill, session after session, and decode, where all sessions advance together, 16 steps at a time.
/// A rest of fewer steps is left out.</summary>
/// <param name="model">The model.</param>
/// <param name="prefill">Tokens of each session's prompt.</param>
/// <param name="decode">Tokens that each session then takes one by one.</param>
/// <param name="batch">Number of sessions in an evaluation.</param>
/// <param name="prepare">Called with each session before it reads anything; null: nothing is to be done with it.</param>
internal sealed class ThroughputBench(MambaModel model, int prefill, int decode, int batch, Action<MambaSession>? prepare = null)
{
    // Which tokens does not matter for speed; that every run takes the same does.
    private const int Seed = 1;

    // Enough to touch all memory and start all threads: a whole round of a long prompt would only take time.
    private const int WarmUpPrefill = 512;
    private const int WarmUpDecode = 8;

    // Steps timed together. A state is written once in 16 tokens, so of shorter times none would be like the next.
    private const int WindowSteps = 16;

    private readonly float[] _logits = new float[(long)batch * model.Info.PaddedVocabSize];

    /// <summary>A first, short round only warms up; then <paramref name="repeat"/> rounds of what is measured.</summary>
    public BenchSpeeds Run(int repeat, IProgress<double> progress, CancellationToken cancellationToken)
    {
        Measure(Math.Min(prefill, WarmUpPrefill), Math.Min(decode, WarmUpDecode), new BenchSpeeds(), cancellationToken);
        BenchSpeeds speeds = new();
        for (int round = 0; round < repeat; round++)
        {
            progress.Report((round + 1.0) / (repeat + 1));
            Measure(prefill, decode, speeds, cancellationToken);
        }

        return speeds;
    }

    private void Measure(int promptLength, int stepCount, BenchSpeeds speeds, CancellationToken cancellationToken)
    {
        Random random = new(Seed);
        int[][] prompts = [.. Enumerable.Range(0, batch).Select(_ => CreateTokens(promptLength, random))];
        int[][] steps = [.. Enumerable.Range(0, stepCount).Select(_ => CreateTokens(batch, random))];
        List<MambaSession> sessions = [];
        try
        {
            for (int index = 0; index < batch; index++)
            {
                sessions.Add(model.CreateSession());
                prepare?.Invoke(sessions[^1]);
            }

            foreach ((MambaSession session, int[] prompt) in sessions.Zip(prompts))
            {
                long start = Stopwatch.GetTimestamp();
                session.Append(prompt, cancellationToken);
                session.GetLogits(cancellationToken);
                speeds.Prefill.Add(promptLength / Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            foreach (int[][] window in steps.Chunk(WindowSteps).Where(window => window.Length == Math.Min(WindowSteps, stepCount)))
            {
                long start = Stopwatch.GetTimestamp();
                foreach (int[] step in window)
                {
                    model.DecodeBatch(sessions, step, _logits, cancellationToken);
                }

                speeds.Decode.Add((double)batch * window.Length / Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
        }
        finally
        {
            sessions.ForEach(session => session.Dispose());
        }
    }

    private int[] CreateTokens(int length, Random random)
    {
        int[] tokens = new int[length];
        for (int index = 0; index < length; index++)
        {
            tokens[index] = random.Next(model.Info.VocabSize);
        }

        return tokens;
    }
}
