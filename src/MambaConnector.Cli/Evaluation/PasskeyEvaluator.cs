using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Numerics.Tensors;
using System.Security.Cryptography;
using System.Text;

namespace MambaConnector.Cli.Evaluation;

/// <summary>Asks a model for keys in prompts of many lengths. The noise before a key is read once for all samples and depths of a length: each
/// goes on from a fork of its state.</summary>
/// <param name="model">The model.</param>
/// <param name="depths">Places of the key.</param>
/// <param name="samples">Keys for each place.</param>
/// <param name="seed">Chooses the keys.</param>
/// <param name="file">Keeps the finished cells.</param>
internal sealed class PasskeyEvaluator(MambaModel model, int depths, int samples, int seed, ResumeFile file)
{
    private readonly PasskeyPrompt _prompt = new(model.Tokenizer);
    private long _tokensRead;

    /// <summary>Asks for what was not asked for yet.</summary>
    /// <param name="policies">In their order.</param>
    /// <param name="lengths">Tokens of the prompts.</param>
    /// <param name="progress">Told how far the whole is, by the tokens to read.</param>
    /// <param name="cancellationToken">Ends it; finished cells are kept.</param>
    /// <returns>All cells, under the policies' labels: policy by policy, length by length, depth by depth.</returns>
    public IReadOnlyList<PasskeyCell> Run(
        IReadOnlyList<EvaluatedPolicy> policies, IReadOnlyList<long> lengths, IProgress<WorkDone> progress, CancellationToken cancellationToken)
    {
        PasskeyRuns runs = file.Load(EvaluationJson.Default.ResumeStatePasskeyRuns)?.Run ?? new PasskeyRuns();
        long start = Stopwatch.GetTimestamp();
        double work = policies.Count * lengths.Sum(length => (double)length), done = 0;
        foreach (EvaluatedPolicy policy in policies)
        {
            foreach (long length in lengths)
            {
                string note = $"{policy.Label}, {TokenLengths.Format(length)}";
                foreach (int depth in ReadLength(policy, length, runs, cancellationToken))
                {
                    file.Save(runs, null, EvaluationJson.Default.ResumeStatePasskeyRuns);
                    double share = (done + (length * (depth + 1.0) / depths)) / work;
                    progress.Report(new WorkDone(share, $"{note}, {_tokensRead / Stopwatch.GetElapsedTime(start).TotalSeconds:N0} tokens/s"));
                }

                done += length;
            }
        }

        return [.. policies.SelectMany(policy => runs.Cells.Where(cell => cell.Policy == policy.Key)
            .OrderBy(cell => cell.Length).ThenBy(cell => cell.Depth).Select(cell => cell with { Policy = policy.Label }))];
    }

    // Gives each depth when it is finished.
    private IEnumerable<int> ReadLength(EvaluatedPolicy policy, long length, PasskeyRuns runs, CancellationToken cancellationToken)
    {
        int lines = _prompt.NoiseLines(length), read = 0;
        HashSet<double> finished = [.. runs.Cells.Where(cell => cell.Policy == policy.Key && cell.Length == length).Select(cell => cell.Depth)];
        MambaSession? trunk = null;
        try
        {
            for (int depth = 0; depth < depths; depth++)
            {
                double share = (depth + 0.5) / depths;
                if (finished.Contains(share))
                {
                    continue;
                }

                int before = PasskeyPrompt.LinesBefore(lines, depth, depths);
                if (trunk is null)
                {
                    trunk = PolicySessions.Create(model, policy.Policy, _prompt.TokenCount(lines));
                    Append(trunk, _prompt.Start(before), cancellationToken);
                }
                else
                {
                    Append(trunk, _prompt.Repeat(before - read), cancellationToken);
                }

                read = before;
                int correct = Enumerable.Range(0, samples).Count(
                    sample => IsFound(trunk, policy.Policy, Key(length, depth, sample), lines - before, cancellationToken));
                runs.Cells.Add(new PasskeyCell(policy.Key, length, share, correct, samples));
                yield return depth;
            }
        }
        finally
        {
            trunk?.Dispose();
        }
    }

    private void Append(MambaSession session, int[] tokens, CancellationToken cancellationToken)
    {
        session.Append(tokens, cancellationToken);
        _tokensRead += tokens.Length;
    }

    private bool IsFound(MambaSession trunk, LongContextPolicy policy, int key, int linesAfter, CancellationToken cancellationToken)
    {
        using MambaSession session = trunk.Fork();
        int[] end = _prompt.End(key, linesAfter);

        // A token filter ends where the prompt does, and keys differ in tokens. Any other policy stays what it is.
        session.Policy = policy.ForPrompt(session.TokenCount + end.Length);
        Append(session, end, cancellationToken);
        int[] answer = new int[_prompt.AnswerTokens];
        for (int index = 0; index < answer.Length; index++)
        {
            answer[index] = TensorPrimitives.IndexOfMax<float>(session.GetLogits(cancellationToken).AsSpan(0, model.Info.VocabSize));
            session.Append(answer.AsSpan(index, 1), cancellationToken);
        }

        return model.Tokenizer.Decode(answer).Contains(PasskeyPrompt.Spell(key), StringComparison.Ordinal);
    }

    // The same key for a place under every policy, whichever lengths are asked for beside it.
    private int Key(long length, int depth, int sample)
    {
        string place = string.Create(CultureInfo.InvariantCulture, $"{seed} {length} {depth}/{depths} {sample}");
        return (int)(BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.ASCII.GetBytes(place))) % PasskeyPrompt.KeyCount);
    }
}
