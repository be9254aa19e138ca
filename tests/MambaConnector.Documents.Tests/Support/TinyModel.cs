using System.Text;
using MambaConnector.Tests.Support;

namespace MambaConnector.Documents.Tests.Support;

/// <summary>A model of random weights that reads bytes: real states, of some kilobytes.</summary>
internal static class TinyModel
{
    /// <param name="options">Beside tokenizer and template.</param>
    /// <param name="template">The chat template; null: none.</param>
    /// <param name="name">The fixture.</param>
    /// <param name="vocabulary">The tokenizer.json; null: <see cref="TestTokenizer.Json"/>.</param>
    public static MambaModel Load(MambaModelOptions? options = null, ChatTemplate? template = null, string name = "mamba2", string? vocabulary = null)
    {
        using TemporaryFolder folder = new();
        string tokenizer = folder["tokenizer.json"];
        File.WriteAllText(tokenizer, vocabulary ?? TestTokenizer.Json);
        File.WriteAllText(folder["tokenizer_config.json"], """{"bos_token":"<s>","eos_token":"</s>","add_bos_token":true}""", Encoding.ASCII);
        MambaModel model = MambaModel.Load(
            SourceTree.Model(name),
            (options ?? new MambaModelOptions()) with { TokenizerPath = tokenizer, ChatTemplate = template, ThreadCount = 1, TrainingLength = 512 });

        // Read when it is first asked for; the file is about to go.
        _ = model.Tokenizer;
        return model;
    }
}
