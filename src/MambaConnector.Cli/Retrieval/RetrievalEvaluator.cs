using System.Diagnostics;
using MambaConnector.Cli.Evaluation;
using MambaConnector.Documents;

namespace MambaConnector.Cli.Retrieval;

/// <summary>Hides keys in books and asks for them in several ways. Each answer is kept as soon as it is there.</summary>
/// <param name="model">The model.</param>
/// <param name="text">The books.</param>
/// <param name="settings">What is asked.</param>
/// <param name="options">How documents are read.</param>
/// <param name="ways">How they are asked.</param>
/// <param name="file">Keeps the answers.</param>
internal sealed class RetrievalEvaluator(
    MambaModel model, RetrievalText text, RetrievalSettings settings, DocumentIndexOptions options, IReadOnlyList<IRetrievalWay> ways,
    ResumeFile file)
{
    private readonly RetrievalRuns _runs = file.Load(EvaluationJson.Default.ResumeStateRetrievalRuns)?.Run ?? new RetrievalRuns();

    /// <summary>Tokens that each way has yet to read, those of indexes and sections at the first way that needs them.</summary>
    public IReadOnlyDictionary<IRetrievalWay, long> TokensToRead() =>
        Places().SelectMany(Pending).Concat(ways.Select(way => (Way: way, Tokens: 0L))).GroupBy(pending => pending.Way)
            .ToDictionary(group => group.Key, group => group.Sum(pending => pending.Tokens));

    /// <summary>Asks what was not asked yet.</summary>
    /// <param name="progress">Told how far the whole is, by the tokens to read, and how long the rest may take.</param>
    /// <param name="cancellationToken">Ends it; answers are kept.</param>
    /// <returns>All answers of these ways and lengths: way by way, length by length, depth by depth.</returns>
    public async Task<IReadOnlyList<RetrievalAnswer>> RunAsync(IProgress<WorkDone> progress, CancellationToken cancellationToken)
    {
        double work = TokensToRead().Values.Sum(), done = 0;
        long start = Stopwatch.GetTimestamp();
        foreach ((long length, int depth, int sample) place in Places())
        {
            // Before the first answer: what a way reads for others stays counted with it.
            (IRetrievalWay Way, long Tokens)[] pending = [.. Pending(place)];
            if (pending.Length == 0)
            {
                continue;
            }

            RetrievalDocument document = text.Create(
                settings.Task, place.length, settings.Around, place.depth, settings.Depths, place.sample, settings.Seed);
            using IndexedDocument index = new(model, document, options);
            foreach ((IRetrievalWay way, long tokens) in pending)
            {
                done += tokens;
                _runs.Answers.Add(await AskAsync(way, document, index, cancellationToken));
                file.Save(_runs, null, EvaluationJson.Default.ResumeStateRetrievalRuns);
                TimeSpan left = Stopwatch.GetElapsedTime(start) * ((work - done) / done);
                progress.Report(new WorkDone(done / work, $"{TokenLengths.Format(place.length)}, {way.Name}, {left:h\\:mm\\:ss} left"));
            }
        }

        return
        [
            .. ways.SelectMany(way => _runs.Answers.Where(answer => answer.Way == way.Name && settings.Lengths.Contains(answer.Length))
                .OrderBy(answer => answer.Length).ThenBy(answer => answer.Depth).ThenBy(answer => answer.Sample)),
        ];
    }

    // Every depth before the next sample: a run that is stopped has looked everywhere.
    private IEnumerable<(long Length, int Depth, int Sample)> Places() =>
        from length in settings.Lengths
        from sample in Enumerable.Range(0, settings.Samples)
        from depth in Enumerable.Range(0, settings.Depths)
        select (length, depth, sample);

    private bool IsPending(IRetrievalWay way, (long Length, int Depth, int Sample) place) => !_runs.Answers.Exists(
        answer => answer.Way == way.Name && answer.Length == place.Length && answer.Sample == place.Sample &&
            answer.Depth == settings.Share(place.Depth));

    // The ways that were not asked there, with the tokens that are read for each if they are asked in this order.
    private IEnumerable<(IRetrievalWay Way, long Tokens)> Pending((long Length, int Depth, int Sample) place)
    {
        RetrievalSource read = RetrievalSource.Text;
        foreach (IRetrievalWay way in ways.Where(way => IsPending(way, place)))
        {
            int readings = Math.Max(way.Source - read, 0);
            read += readings;
            yield return (way, way.TokensToRead(place.Length) + (readings * place.Length));
        }
    }

    private async Task<RetrievalAnswer> AskAsync(
        IRetrievalWay way, RetrievalDocument document, IndexedDocument index, CancellationToken cancellationToken)
    {
        double readSeconds = await index.ReadAsync(way.Source, cancellationToken);
        long start = Stopwatch.GetTimestamp();
        string answer = await way.AskAsync(document, index.Index, settings.Task.Question, cancellationToken);
        double askSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new RetrievalAnswer(
            way.Name, document.Length, document.Depth, document.Sample, RetrievalTask.Spell(document.Key), answer,
            RetrievalTask.IsFound(document.Key, answer), readSeconds, askSeconds);
    }
}
