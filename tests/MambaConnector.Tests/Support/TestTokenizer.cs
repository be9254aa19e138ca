using System.Text;
using System.Text.Json.Nodes;

namespace MambaConnector.Tests.Support;

/// <summary>A byte-level tokenizer with a few control tokens: every byte is a token.</summary>
internal static class TestTokenizer
{
    public const int ImEnd = 2;

    private static readonly string[] Controls =
    [
        "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>", "<s>", "</s>", "[INST]", "[/INST]",
        "<|user|>", "<|assistant|>",
    ];

    /// <summary>Id of the token of byte 0; the others follow.</summary>
    public static int FirstByte => Controls.Length;

    public static int VocabSize => Controls.Length + 256;

    public static string Json { get; } = CreateJson([], areSpecial: true);

    /// <summary>A tokenizer whose begin and end tokens are the named ones.</summary>
    public static MambaTokenizer Create(string begin = "<s>", string end = "</s>") => Create(Json, begin, end);

    /// <summary>A tokenizer with more tokens, after the others.</summary>
    /// <param name="tokens">Their texts.</param>
    /// <param name="areSpecial">Whether they are control tokens; otherwise they are found in any text.</param>
    public static MambaTokenizer CreateWith(string[] tokens, bool areSpecial) => Create(CreateJson(tokens, areSpecial), "<s>", "</s>");

    /// <summary>The tokens of a text, a byte each.</summary>
    public static int[] Tokens(string text) => [.. Encoding.UTF8.GetBytes(text).Select(value => FirstByte + value)];

    private static MemoryStream Stream(string text) => new(Encoding.UTF8.GetBytes(text));

    private static MambaTokenizer Create(string json, string begin, string end)
    {
        string config = new JsonObject { ["bos_token"] = begin, ["eos_token"] = end, ["add_bos_token"] = false }.ToJsonString();
        return MambaTokenizer.FromTokenizerJson(Stream(json), Stream(config));
    }

    private static string CreateJson(string[] more, bool areSpecial)
    {
        JsonArray added = [];
        JsonObject vocabulary = [];
        for (int id = 0; id < Controls.Length; id++)
        {
            Add(id, Controls[id], isSpecial: true);
        }

        for (int index = 0; index < more.Length; index++)
        {
            Add(VocabSize + index, more[index], areSpecial);
        }

        void Add(int id, string content, bool isSpecial)
        {
            vocabulary[content] = id;
            added.Add(new JsonObject
            {
                ["id"] = id,
                ["content"] = content,
                ["single_word"] = false,
                ["lstrip"] = false,
                ["rstrip"] = false,
                ["normalized"] = false,
                ["special"] = isSpecial,
            });
        }

        int shifted = 256;
        for (int value = 0; value < 256; value++)
        {
            // GPT-2's byte alphabet: printable Latin-1 stands for itself, the rest is shifted out of the way.
            bool isPrintable = value is (>= 33 and <= 126) or (>= 161 and <= 172) or (>= 174 and <= 255);
            vocabulary[((char)(isPrintable ? value : shifted++)).ToString()] = Controls.Length + value;
        }

        JsonObject ByteLevel() => new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true };
        return new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = added,
            ["normalizer"] = null,
            ["pre_tokenizer"] = ByteLevel(),
            ["post_processor"] = null,
            ["decoder"] = ByteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray(),
            },
        }.ToJsonString();
    }
}
