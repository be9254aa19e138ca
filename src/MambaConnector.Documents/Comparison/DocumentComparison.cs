using System.Runtime.CompilerServices;
using MambaConnector.Documents.Responders;

namespace MambaConnector.Documents;

/// <summary>Two documents in one state: the first one's own, which goes on to read the second. Any number of questions are asked to forks of
/// it.</summary>
/// <remarks>Thread-safe, but for <see cref="Dispose"/>. The state is to hold both documents: past the model's training length, compare answers of
/// <see cref="DocumentQuestions"/>
/// instead.</remarks>
public sealed class DocumentComparison : IDisposable
{
    /// <summary>What is asked where nothing else is.</summary>
    public const string DefaultQuestion = "What do the two documents have in common, and how do they differ?";

    private readonly DocumentPrompt _prompt;
    private readonly MambaSession _session;
    private readonly Lock _gate = new();

    private DocumentComparison(DocumentPrompt prompt, MambaSession session)
    {
        _prompt = prompt;
        _session = session;
    }

    /// <summary>Tokens that the state has read.</summary>
    public long TokenCount => _session.TokenCount;

    /// <summary>Reads the second document behind the first, of which nothing is read again.</summary>
    /// <param name="first">The first document.</param>
    /// <param name="second">The second document, read by the same model.</param>
    /// <param name="progress">Told the part of the second document that is read, 0 to 1.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="ArgumentException">The documents were read by different models.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task<DocumentComparison> ReadAsync(
        DocumentIndex first, DocumentIndex second, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (first.Model != second.Model)
        {
            throw new ArgumentException(
                "The documents were read by different models: read both by one to compare them in its state.", nameof(second));
        }

        MambaSession session = first.OpenEnd();
        try
        {
            await session.AppendAsync(first.Prompt.EncodeBlock("Now read this second document:"), cancellationToken).ConfigureAwait(false);
            foreach (DocumentSection section in second.Sections)
            {
                await session.AppendAsync(second.GetTokens(section.Index), cancellationToken).ConfigureAwait(false);
                progress?.Report((section.Index + 1.0) / second.Sections.Count);
            }

            return new DocumentComparison(first.Prompt, session);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Asks about both documents.</summary>
    /// <param name="question">Plain text, whatever it looks like.</param>
    /// <param name="generation">How the answer is written. Null, or where it is silent: greedily, the seed is 0, and 256 tokens at most.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The answer in pieces.</returns>
    /// <exception cref="ArgumentException">The question is empty, or an option is out of its range.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IAsyncEnumerable<string> AskAsync(
        string question = DefaultQuestion, GenerationOptions? generation = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(question);
        ArgumentException.ThrowIfNullOrWhiteSpace(DocumentPrompt.Clean(question), nameof(question));
        generation ??= new GenerationOptions();
        generation = generation with
        {
            MaxTokens = generation.MaxTokens ?? 256,
            Temperature = generation.Temperature ?? 0,
            Seed = generation.Seed ?? 0,
        };
        return AnswerAsync(question, generation, cancellationToken);
    }

    /// <summary>Frees the state.</summary>
    public void Dispose() => _session.Dispose();

    private async IAsyncEnumerable<string> AnswerAsync(
        string question, GenerationOptions generation, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using MambaSession fork = Fork();
        ReplyText reply = new();
        await foreach (GeneratedToken token in fork.GenerateAsync(_prompt.Close(question), _prompt.EndReplies(generation), cancellationToken)
            .ConfigureAwait(false))
        {
            if (reply.Next(token).Text is { Length: > 0 } text)
            {
                yield return text;
            }
        }
    }

    // A session serves one caller at a time, and a fork is one copy.
    private MambaSession Fork()
    {
        lock (_gate)
        {
            return _session.Fork();
        }
    }
}
