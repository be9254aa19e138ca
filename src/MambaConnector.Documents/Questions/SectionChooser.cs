using System.Runtime.CompilerServices;

namespace MambaConnector.Documents.Questions;

/// <summary>Asks a question to states that have read one section each, several in a batch, and keeps the most certain.</summary>
/// <remarks>After OPRM (github.com/assafbk/OPRM): each part of the document stands alone behind the opening, then the question; the part that is
/// most certain answers. There it is the part whose answer's first token has the least entropy; here the mean over more of its tokens
/// counts.</remarks>
/// <param name="index">The document.</param>
/// <param name="meter">Asks.</param>
/// <param name="maxBatchBytes">Bytes of states in memory at once, about.</param>
internal sealed class SectionChooser(DocumentIndex index, CertaintyMeter meter, long maxBatchBytes) : IDisposable
{
    private const int MaxBatch = 32;

    /// <summary>All sections that were asked so far, the most certain first; equals in the document's order.</summary>
    public List<SectionCertainty> Sections { get; } = [];

    /// <summary>The session of the first of <see cref="Sections"/>, with the question read.</summary>
    public MambaSession? Best { get; private set; }

    /// <summary>Asks all sections.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>What each section says, in the document's order.</returns>
    public async IAsyncEnumerable<SectionCertainty> AskAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long stateBytes = Math.Max(index.Model.Info.StateBytes, 1) * meter.StatesPerSession;
        int batch = (int)Math.Clamp(maxBatchBytes / stateBytes, 1, MaxBatch);
        foreach (DocumentSection[] sections in index.Sections.Chunk(batch))
        {
            List<SectionCertainty> asked = await Task.Run(() => Ask(sections, cancellationToken), cancellationToken).ConfigureAwait(false);
            foreach (SectionCertainty section in asked)
            {
                yield return section;
            }
        }
    }

    /// <summary>Frees the session, unless it was taken.</summary>
    public void Dispose() => Best?.Dispose();

    private List<SectionCertainty> Ask(DocumentSection[] sections, CancellationToken cancellationToken)
    {
        List<MambaSession> sessions = [];
        try
        {
            foreach (DocumentSection section in sections)
            {
                cancellationToken.ThrowIfCancellationRequested();
                sessions.Add(index.OpenSection(section.Index, cancellationToken));
            }

            IReadOnlyList<(double Entropy, bool SaysNoAnswer)> certainties = meter.Ask(sessions, cancellationToken);
            List<SectionCertainty> asked = [];
            for (int row = 0; row < sessions.Count; row++)
            {
                SectionCertainty section = new(sections[row], certainties[row].Entropy, certainties[row].SaysNoAnswer);
                asked.Add(section);
                Take(section, sessions[row]);
            }

            return asked;
        }
        finally
        {
            foreach (MambaSession session in sessions.Where(session => session != Best))
            {
                session.Dispose();
            }
        }
    }

    private void Take(SectionCertainty section, MambaSession session)
    {
        int place = Sections.FindIndex(other => IsBetter(section, other));
        Sections.Insert(place < 0 ? Sections.Count : place, section);
        if (Sections[0] == section)
        {
            Best?.Dispose();
            Best = session;
        }
    }

    private static bool IsBetter(SectionCertainty section, SectionCertainty other) =>
        section.SaysNoAnswer == other.SaysNoAnswer ? section.Entropy < other.Entropy : other.SaysNoAnswer;
}
