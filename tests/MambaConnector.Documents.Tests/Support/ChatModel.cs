using System.Text;
using MambaConnector.Tests.Support;

namespace MambaConnector.Documents.Tests.Support;

/// <summary>A model of random weights that reads bytes and talks ChatML: what it says means nothing, and is the same in every run.</summary>
internal sealed class ChatModel : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <param name="trainingLength">What it says of its training; null: nothing.</param>
    public ChatModel(long? trainingLength = null)
    {
        string tokenizer = Path.Combine(_folder.Path, "tokenizer.json");
        File.WriteAllText(tokenizer, TestTokenizer.Json);
        File.WriteAllText(Path.Combine(_folder.Path, "tokenizer_config.json"), """{"bos_token":"<s>","eos_token":"<|im_end|>","add_bos_token":false}""");
        Model = MambaModel.CreateRandom(
            new MambaShape
            {
                LayerCount = 2,
                DModel = 32,
                DState = 16,
                HeadDim = 16,
                VocabSize = TestTokenizer.VocabSize,
                WeightType = MambaWeightType.F32,
                Seed = 5,
            },
            new MambaModelOptions
            {
                ThreadCount = 1,
                RollbackTokens = 0,
                TokenizerPath = tokenizer,
                ChatTemplate = ChatTemplate.ChatMl,
                TrainingLength = trainingLength,
            });
    }

    /// <summary>The model.</summary>
    public MambaModel Model { get; }

    /// <summary>Tokens that it has read since it was loaded.</summary>
    public long TokensEvaluated => Model.EngineInfo.TokensEvaluated;

    /// <summary>A path for a file of the test.</summary>
    public string PathOf(string name) => Path.Combine(_folder.Path, name);

    /// <summary>Reads a document.</summary>
    /// <param name="text">The document.</param>
    /// <param name="name">The index's name.</param>
    public async Task<DocumentIndex> ReadAsync(string text, string name = "document")
    {
        using MemoryStream document = new(Encoding.UTF8.GetBytes(text));
        return await DocumentIndex.ReadAsync(
            Model, document, Path.Combine(_folder.Path, name), new DocumentIndexOptions { Format = DocumentFormat.Markdown, SectionTokens = 256 });
    }

    /// <summary>A session that reads tokens in one go and then writes greedily.</summary>
    /// <param name="tokens">What it reads.</param>
    /// <param name="maxTokens">What it writes at most.</param>
    public async Task<string> WriteAsync(IEnumerable<int> tokens, int maxTokens)
    {
        using MambaSession session = Model.CreateSession();
        GenerationOptions options = DocumentPrompt.Create(Model).EndReplies(new GenerationOptions { MaxTokens = maxTokens, Temperature = 0, Seed = 0 });
        StringBuilder text = new();
        await foreach (GeneratedToken token in session.GenerateAsync(tokens.ToArray(), options))
        {
            text.Append(token.Text);
        }

        return text.ToString().Trim();
    }

    public void Dispose()
    {
        Model.Dispose();
        _folder.Dispose();
    }
}
