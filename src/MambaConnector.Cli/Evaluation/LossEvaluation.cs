using System.Diagnostics;

namespace MambaConnector.Cli.Evaluation;

/// <summary>Evaluates policies one after the other, and goes on where an earlier run was stopped.</summary>
/// <param name="model">The model.</param>
/// <param name="evaluator">Reads the text.</param>
/// <param name="length">Tokens for each policy.</param>
/// <param name="file">Keeps how far the run has come.</param>
/// <param name="saveEvery">How often it does; at the end of each policy, and where it is cancelled, in any case.</param>
internal sealed class LossEvaluation(MambaModel model, LossEvaluator evaluator, long length, ResumeFile file, TimeSpan saveEvery)
{
    /// <summary>Reads what is left to read.</summary>
    /// <param name="policies">In their order.</param>
    /// <param name="progress">Told how far the whole is, and the speed.</param>
    /// <param name="cancellationToken">Looked at between pieces.</param>
    /// <exception cref="UsageException">The file has a run of another policy under way.</exception>
    /// <returns>A finished run of each policy, in their order; what the file has of others stays there.</returns>
    public IReadOnlyList<LossRun> Run(IReadOnlyList<EvaluatedPolicy> policies, IProgress<WorkDone> progress, CancellationToken cancellationToken)
    {
        (LossRuns kept, byte[]? saved) = file.Load(EvaluationJson.Default.ResumeStateLossRuns) ?? (new LossRuns(), null);
        string[] keys = [.. policies.Select(policy => policy.Key)];
        LossRun? underWay = saved is null ? null : kept.Runs.Find(run => run.TokenCount < length);
        if (underWay is not null && !keys.Contains(underWay.Policy))
        {
            throw new UsageException(
                $"The file of --resume has {underWay.Policy} under way, which would be lost: name it with --policy too, or name another file.");
        }

        kept.Runs.RemoveAll(run => run.TokenCount < length && run != underWay);

        // The run with a saved session comes first: the file has room for one.
        foreach (EvaluatedPolicy policy in policies.OrderByDescending(policy => policy.Key == underWay?.Policy))
        {
            LossRun? run = kept.Runs.Find(run => run.Policy == policy.Key);
            if (run?.TokenCount >= length)
            {
                continue;
            }

            using MambaSession session = run is null
                ? PolicySessions.Create(model, policy.Policy, length)
                : model.LoadSession(new MemoryStream(saved!));
            if (run is null)
            {
                kept.Runs.Add(run = new LossRun { Policy = policy.Key });
            }

            int finished = kept.Runs.Count(other => other.TokenCount >= length && keys.Contains(other.Policy));
            Finish(session, run, kept, new Part(policy.Label, finished, policies.Count), progress, cancellationToken);
            file.Save(kept, null, EvaluationJson.Default.ResumeStateLossRuns);
        }

        return [.. keys.Select(key => kept.Runs.Find(run => run.Policy == key)!)];
    }

    private void Finish(
        MambaSession session, LossRun run, LossRuns kept, Part part, IProgress<WorkDone> progress, CancellationToken cancellationToken)
    {
        long saved = Stopwatch.GetTimestamp();
        bool isMore = true;
        try
        {
            while (isMore)
            {
                cancellationToken.ThrowIfCancellationRequested();
                isMore = evaluator.ReadPiece(session, run, cancellationToken);
                double share = (part.Finished + ((double)run.TokenCount / length)) / part.Count;
                progress.Report(new WorkDone(share, $"{part.Label}, {TokenLengths.Format(run.TokenCount)}, {run.TokenCount / run.Seconds:N0} tokens/s"));
                if (isMore && Stopwatch.GetElapsedTime(saved) >= saveEvery)
                {
                    file.Save(kept, session, EvaluationJson.Default.ResumeStateLossRuns);
                    saved = Stopwatch.GetTimestamp();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Session and run are as they were before the piece.
            file.Save(kept, session, EvaluationJson.Default.ResumeStateLossRuns);
            throw;
        }
    }

    /// <summary>Which policy is read, and of how many how many are finished.</summary>
    private readonly record struct Part(string Label, int Finished, int Count);
}
