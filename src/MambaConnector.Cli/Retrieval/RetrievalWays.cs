using MambaConnector.Documents;
using Microsoft.Extensions.AI;

namespace MambaConnector.Cli.Retrieval;

/// <summary>The ways to answer that are compared.</summary>
internal static class RetrievalWays
{
    /// <summary>The state behind the whole document.</summary>
    public const string FullState = "full-state";

    /// <summary>The section whose state is most certain of its answer.</summary>
    public const string BestSection = "best-section";

    /// <summary>The section whose state is most certain of its answer's first token.</summary>
    public const string FirstToken = "first-token";

    /// <summary>The document's last tokens, as many as the model was trained on.</summary>
    public const string Truncated = "truncate";

    /// <summary>Each section's text, then the answers.</summary>
    public const string MapReduce = "map-reduce";

    private const int AnswerTokens = 24;

    /// <summary>All of them, in the order in which they are shown.</summary>
    public static string[] Names { get; } = [FullState, BestSection, FirstToken, Truncated, MapReduce];

    /// <summary>Makes one.</summary>
    /// <param name="name">Which.</param>
    /// <param name="model">Counts tokens.</param>
    /// <param name="client">Answers where no state does.</param>
    /// <param name="options">How documents are read: what stands around them, and the tokens of a section.</param>
    /// <param name="around">Tokens of what stands around a document in a prompt.</param>
    /// <exception cref="UsageException">A prompt that is cut needs the training length, which is not known.</exception>
    public static IRetrievalWay Create(string name, MambaModel model, IChatClient client, DocumentIndexOptions options, int around)
    {
        ChatQuestion question = new(
            client, options.Prompt.Introduction, new ChatOptions { Temperature = 0, MaxOutputTokens = AnswerTokens });
        GenerationOptions generation = new() { Temperature = 0, MaxTokens = AnswerTokens };
        DocumentQuestionOptions sections = new() { Mode = DocumentQuestionMode.BestSection, Generation = generation };
        long trained = model.Info.TrainingLength;
        if (trained == 0 && name is Truncated or MapReduce)
        {
            throw new UsageException($"--ways {name} needs the training length, which the checkpoint does not say: give --training-length.");
        }

        return name switch
        {
            FullState => new IndexWay(FullState, new DocumentQuestionOptions { Mode = DocumentQuestionMode.FullState, Generation = generation }),
            BestSection => new IndexWay(BestSection, sections),
            FirstToken => new IndexWay(FirstToken, sections with { CertaintyTokens = 1 }),
            Truncated => new TruncatedWay(question, trained - around),
            _ => new MapReduceWay(question, model.Tokenizer, options.SectionTokens, trained - around),
        };
    }
}
