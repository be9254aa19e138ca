using System.Diagnostics;

namespace MambaConnector.Cli.Bench;

/// <summary>Measures prefill, session after session, and decode, where all sessions advance together.</summary>
/// <param name="model">The model.</param>
/// <param name="prefill">Tokens of each session's prompt.</param>
/// <param name="decode">Tokens that each session then takes one by one.</param>
/// <param name="batch">Number of sessions in an evaluation.</param>
internal sealed class ThroughputBench(MambaModel model, int prefill, int decode, int batch)
{
    // Which tokens does not matter for speed; that every run takes the same does.
    private const int Seed = 1;

    // Enough to touch all memory and start all threads: a whole round of a long prompt would only take time.
    private const int WarmUpPrefill = 512;
    private const int WarmUpDecode = 8;

    private readonly float[] _logits = new float[(long)batch * model.Info.PaddedVocabSize];

    /// <summary>Medians over the repetitions, tokens of all sessions per second; a first, short round only warms up.</summary>
    public (double Prefill, double Decode) Run(int repeat, IProgress<double> progress, CancellationToken cancellationToken)
    {
        double[] prefillSpeeds = new double[repeat];
        double[] decodeSpeeds = new double[repeat];
        Measure(Math.Min(prefill, WarmUpPrefill), Math.Min(decode, WarmUpDecode), cancellationToken);
        for (int round = 0; round < repeat; round++)
        {
            progress.Report((round + 1.0) / (repeat + 1));
            (prefillSpeeds[round], decodeSpeeds[round]) = Measure(prefill, decode, cancellationToken);
        }

        return (Median(prefillSpeeds), Median(decodeSpeeds));
    }

    private (double Prefill, double Decode) Measure(int promptLength, int stepCount, CancellationToken cancellationToken)
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
            }

            long start = Stopwatch.GetTimestamp();
            foreach ((MambaSession session, int[] prompt) in sessions.Zip(prompts))
            {
                session.Append(prompt, cancellationToken);
                session.GetLogits(cancellationToken);
            }

            double prefillSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            start = Stopwatch.GetTimestamp();
            foreach (int[] step in steps)
            {
                model.DecodeBatch(sessions, step, _logits, cancellationToken);
            }

            double decodeSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            return ((double)batch * promptLength / prefillSeconds, (double)batch * stepCount / decodeSeconds);
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

    private static double Median(double[] values)
    {
        Array.Sort(values);
        int middle = values.Length / 2;
        return values.Length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }
}
