using System.Numerics.Tensors;
using MambaConnector.Cli.Evaluation;
using MambaConnector.Cli.Retrieval;
using MambaConnector.Documents;

namespace MambaConnector.Cli.Merging;

/// <summary>Compares states that are merged of parts, which were each read alone, with the state behind the parts one after another.</summary>
/// <param name="model">The model.</param>
/// <param name="prompt">How it is given documents.</param>
/// <param name="text">The books.</param>
/// <param name="task">What is hidden in them.</param>
/// <param name="opensEach">Whether each part has the opening of a prompt before it; else the first alone, as in the whole.</param>
/// <param name="partTokens">Tokens of a part, about.</param>
/// <param name="continuation">Tokens that are predicted behind the parts.</param>
/// <param name="samples">Places in the books, and keys.</param>
/// <param name="seed">Chooses both.</param>
internal sealed class MergeEvaluator(
    MambaModel model, DocumentPrompt prompt, RetrievalText text, RetrievalTask task, bool opensEach, int partTokens, int continuation, int samples,
    int seed)
{
    private const int AnswerTokens = 16;

    private readonly HashSet<int> _ends = [.. model.GenerationDefaults.EndTokenIds];

    /// <summary>Asks everything for each number of parts.</summary>
    /// <param name="counts">Numbers of parts.</param>
    /// <param name="progress">Told how far the whole is.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Number by number, way by way.</returns>
    public IReadOnlyList<MergeCell> Run(IReadOnlyList<int> counts, IProgress<WorkDone> progress, CancellationToken cancellationToken)
    {
        List<MergeCell> cells = [];
        double work = counts.Sum() * samples, done = 0;
        foreach (int count in counts)
        {
            Dictionary<MergeWay, (double Loss, int Found)> sums = Enum.GetValues<MergeWay>().ToDictionary(way => way, _ => (0.0, 0));
            for (int sample = 0; sample < samples; sample++)
            {
                // The key's place goes through all parts.
                MergeDocument document = MergeDocument.Cut(
                    text.Create(task, (long)count * partTokens, 0, sample, samples, sample, seed), task, prompt.EncodeBlock, count);
                Visit(
                    [.. document.Parts.Select(Open)], document.Own,
                    (way, session) => Add(way, 0, IsFound(session, document.Key, cancellationToken) ? 1 : 0), cancellationToken);

                int[] tokens = text.Read(document.Key, (count * partTokens) + continuation);
                Visit(
                    [.. tokens[..(count * partTokens)].Chunk(partTokens)], null,
                    (way, session) => Add(way, ContinuationLoss.Of(session, tokens[(count * partTokens)..], cancellationToken), 0), cancellationToken);
                progress.Report(new WorkDone((done += count) / work, $"{count} parts"));
            }

            cells.AddRange(sums.Select(sum => new MergeCell(
                count, Name(sum.Key), sum.Key == MergeWay.Own ? null : sum.Value.Loss / samples, (double)sum.Value.Found / samples)));

            void Add(MergeWay way, double loss, int found) => sums[way] = (sums[way].Loss + loss, sums[way].Found + found);
        }

        return cells;
    }

    /// <summary>What a way is called.</summary>
    public static string Name(MergeWay way) => way switch
    {
        MergeWay.Whole => "read one after another",
        MergeWay.Concatenate => "merged, concatenate",
        MergeWay.Cyclic => "merged, cyclic",
        MergeWay.AllOrders => "merged, all orders",
        MergeWay.Last => "the last part alone",
        _ => "the key's part alone",
    };

    // Sessions of the ways, each in its turn. The whole has the opening once.
    private void Visit(IReadOnlyList<int[]> parts, int? own, Action<MergeWay, MambaSession> visit, CancellationToken cancellationToken)
    {
        List<MambaSession> alone = [];
        try
        {
            int opening = own is not null && opensEach ? prompt.Opening.Length : 0;
            using (MambaSession whole = model.CreateSession())
            {
                whole.Append([.. parts[0], .. parts.Skip(1).SelectMany(part => part[opening..])], cancellationToken);
                visit(MergeWay.Whole, whole);
            }

            foreach (int[] part in parts)
            {
                alone.Add(model.CreateSession());
                alone[^1].TracksDecay = true;
                alone[^1].Append(part, cancellationToken);
            }

            foreach (MergeWay way in new[] { MergeWay.Concatenate, MergeWay.Cyclic, MergeWay.AllOrders })
            {
                using MambaSession merged = MambaSession.Merge(alone, Enum.Parse<StateMerge>(way.ToString()));
                visit(way, merged);
            }

            using (MambaSession last = alone[^1].Fork())
            {
                visit(MergeWay.Last, last);
            }

            if (own is int index)
            {
                visit(MergeWay.Own, alone[index]);
            }
        }
        finally
        {
            alone.ForEach(session => session.Dispose());
        }
    }

    private bool IsFound(MambaSession session, int key, CancellationToken cancellationToken)
    {
        session.Append(prompt.Close(task.Question), cancellationToken);
        List<int> answer = [];
        while (answer.Count < AnswerTokens)
        {
            int token = TensorPrimitives.IndexOfMax<float>(session.GetLogits(cancellationToken).AsSpan(0, model.Info.VocabSize));
            if (_ends.Contains(token))
            {
                break;
            }

            answer.Add(token);
            session.Append([token], cancellationToken);
        }

        return RetrievalTask.IsFound(key, model.Tokenizer.Decode([.. answer]));
    }

    private int[] Open(int[] part, int place) => opensEach || place == 0 ? [.. prompt.Opening, .. part] : part;
}
