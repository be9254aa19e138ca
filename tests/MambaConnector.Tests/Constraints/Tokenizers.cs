using MambaConnector.Tests.Support;
using MambaConnector.Tests.Tokenization;

namespace MambaConnector.Tests.Constraints;

/// <summary>Vocabularies to constrain, read once.</summary>
internal static class Tokenizers
{
    /// <summary>A token a byte.</summary>
    public static MambaTokenizer Bytes { get; } = TestTokenizer.Create();

    /// <summary>The embedded model's, of 16,384 tokens.</summary>
    public static MambaTokenizer Chat { get; } = MambaTokenizer.FromFile(Fixture.PathOf("mamba2-39m-chat/tokenizer.json"));

    /// <summary>Of 50,254 tokens.</summary>
    public static MambaTokenizer Neox { get; } = MambaTokenizer.FromMetadata(GgufFile.ReadMetadata(Fixture.PathOf("ggml-vocab-gpt-neox.gguf")));

    /// <summary>Of sentencepiece, with tokens for bytes that are no text.</summary>
    public static MambaTokenizer SentencePiece { get; } =
        MambaTokenizer.FromMetadata(GgufFile.ReadMetadata(Fixture.PathOf("ggml-vocab-llama-spm.gguf")));

    public static MambaTokenizer Named(string name) => name switch
    {
        "bytes" => Bytes,
        "chat" => Chat,
        "neox" => Neox,
        _ => SentencePiece,
    };

    /// <summary>The token that ends a text.</summary>
    public static int End(MambaTokenizer tokenizer) => tokenizer.EosId ?? 0;
}
