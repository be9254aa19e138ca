using MambaConnector.Chat;
using MambaConnector.Tests.Support;
using MambaConnector.Tests.Tokenization;

namespace MambaConnector.Tests.Chat;

/// <summary>Histories whose replies were generated here become the tokens that the model's state has seen.</summary>
public sealed class KnownRepliesTests
{
    private static readonly MambaTokenizer Bytes = TestTokenizer.Create();
    private static readonly MambaTokenizer SentencePiece = MambaModel.LoadTokenizer(Fixture.PathOf("ggml-vocab-llama-spm.gguf"));

    public static TheoryData<string> Templates => ["ChatML", "Granite 4.0", "Mistral v3", "Falcon3"];

    [Theory]
    [MemberData(nameof(Templates))]
    public void AHistoryIsTheTokensThatTheStateHasSeen(string name)
    {
        foreach (MambaTokenizer tokenizer in new[] { Bytes, SentencePiece })
        {
            ChatTemplate template = Find(name);
            Replies replies = new();
            List<ChatTurn> turns = [];
            List<int> state = [];
            for (int round = 0; round < 4; round++)
            {
                ChatTurn message = new(ChatRoles.User, $"question {round}");
                state.AddRange(
                    round == 0
                        ? template.Render(tokenizer, [message], [], null).Tokens
                        : template.RenderContinuation(tokenizer, [message], []).Tokens);
                turns.Add(message);
                Assert.Equal(state, template.Render(tokenizer, turns, [], replies).Tokens);

                // One token a character: no encoder would do that.
                ChatTurn reply = new(ChatRoles.Assistant, $"answer {round}");
                int[] generated = [.. reply.Content.SelectMany(character => tokenizer.Encode(character.ToString()))];
                replies.Add(state, reply, generated);
                state.AddRange(generated);
                turns.Add(reply);
            }

            // Each history has all replies before it.
            Assert.Equal(1 + 2 + 3, replies.Hits);
        }
    }

    [Theory]
    [MemberData(nameof(Templates))]
    public void WithoutThemItIsThePlainRendering(string name)
    {
        ChatTemplate template = Find(name);
        ChatTurn[] turns =
        [
            new(ChatRoles.System, "Be brief."), new(ChatRoles.User, "Hi"), new(ChatRoles.Assistant, " Hello "), new(ChatRoles.User, "More"),
            new(ChatRoles.Assistant, ""), new(ChatRoles.User, ""),
        ];
        foreach (MambaTokenizer tokenizer in new[] { Bytes, SentencePiece })
        {
            int[] plain = template.Render(tokenizer, turns, addGenerationPrompt: true);
            Assert.Equal(plain, template.Render(tokenizer, turns, [], null).Tokens);
            Assert.Equal(plain, template.Render(tokenizer, turns, [], new Replies()).Tokens);
        }
    }

    [Fact]
    public void AReplyIsAskedForWithItsGenerationPrompt()
    {
        Replies replies = new();
        ChatTemplate.ChatMl.Render(Bytes, [new(ChatRoles.User, "Hi"), new(ChatRoles.Assistant, "Hello")], [], replies);
        Assert.Equal("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", Bytes.Decode(Assert.Single(replies.Asked)));
    }

    [Fact]
    public void AReplyIsKnownAfterItsOwnPromptOnly()
    {
        Replies replies = new();
        ChatTurn reply = new(ChatRoles.Assistant, "Hello");
        replies.Add(ChatTemplate.ChatMl.Render(Bytes, [new(ChatRoles.User, "Hi")], [], null).Tokens, reply, [TestTokenizer.FirstByte]);
        ChatTurn[] turns = [new(ChatRoles.User, "Hey"), reply];
        Assert.Equal(ChatTemplate.ChatMl.Render(Bytes, turns, addGenerationPrompt: true), ChatTemplate.ChatMl.Render(Bytes, turns, [], replies).Tokens);
    }

    [Theory]
    [InlineData("ChatML", "<|im_start|>system\ns<|im_end|>\n", "<|im_start|>user\nu<|im_end|>\n", "<|im_start|>assistant\na<|im_end|>\n")]
    [InlineData(
        "Granite 4.0", "<|start_of_role|>system<|end_of_role|>s<|end_of_text|>\n", "<|start_of_role|>user<|end_of_role|>u<|end_of_text|>\n",
        "<|start_of_role|>assistant<|end_of_role|>a<|end_of_text|>\n")]
    [InlineData("Mistral v3", "<s>", "[INST] u[/INST]", " a</s>")]
    [InlineData("Falcon3", "<|system|>\ns\n", "<|user|>\nu\n", "<|assistant|>\na</s>\n")]
    public void BordersAreTheEndsOfTurns(string name, string system, string user, string assistant)
    {
        ChatTurn[] turns = [new(ChatRoles.System, "s"), new(ChatRoles.User, "u"), new(ChatRoles.Assistant, "a"), new(ChatRoles.User, "u")];
        RenderedPrompt prompt = Find(name).Render(Bytes, turns, [], null);
        string lastUser = name == "Mistral v3" ? "[INST] s\n\nu[/INST]" : user;
        Assert.Equal(
            [system, system + user, system + user + assistant, system + user + assistant + lastUser],
            prompt.Borders.Select(border => Bytes.Decode(prompt.Tokens.AsSpan(0, border))));
    }

    [Theory]
    [InlineData("ChatML", "<|im_end|>\n")]
    [InlineData("Granite 4.0", "<|end_of_text|>\n")]
    [InlineData("Mistral v3", "</s>")]
    [InlineData("Falcon3", "</s>\n")]
    public void AContinuationsFirstBorderIsTheEndOfTheReply(string name, string end)
    {
        RenderedPrompt prompt = Find(name).RenderContinuation(Bytes, [new(ChatRoles.User, "u")], []);
        Assert.Equal(2, prompt.Borders.Length);
        Assert.Equal(end, Bytes.Decode(prompt.Tokens.AsSpan(0, prompt.Borders[0])));
    }

    [Fact]
    public void AnEndInsideATextIsNoBorder()
    {
        // This vocabulary has none of ChatML's control tokens: the whole prompt is one text.
        RenderedPrompt prompt = ChatTemplate.ChatMl.Render(SentencePiece, [new(ChatRoles.User, "Hi"), new(ChatRoles.User, "there")], [], null);
        Assert.Empty(prompt.Borders);
        RenderedPrompt mistral = ChatTemplate.MistralV3.Render(
            SentencePiece, [new(ChatRoles.User, "Hi"), new(ChatRoles.Assistant, "Hello"), new(ChatRoles.User, "More")], [], null);
        Assert.Equal([1, Array.IndexOf(mistral.Tokens, SentencePiece.EosId!.Value) + 1, mistral.Tokens.Length], mistral.Borders);
    }

    private static ChatTemplate Find(string name) =>
        new[] { ChatTemplate.ChatMl, ChatTemplate.Granite4, ChatTemplate.MistralV3, ChatTemplate.Falcon3 }.Single(template => template.Name == name);

    private sealed class Replies : IKnownReplies
    {
        private readonly List<(int[] Prompt, ChatTurn Reply, int[] Tokens)> _known = [];

        public List<int[]> Asked { get; } = [];

        public int Hits { get; private set; }

        public void Add(IEnumerable<int> prompt, ChatTurn reply, int[] tokens) => _known.Add(([.. prompt], reply, tokens));

        public bool TryGet(ReadOnlySpan<int> prompt, ChatTurn reply, out ReadOnlyMemory<int> tokens)
        {
            Asked.Add(prompt.ToArray());
            foreach ((int[] before, ChatTurn known, int[] generated) in _known)
            {
                if (known == reply && prompt.SequenceEqual(before))
                {
                    Hits++;
                    tokens = generated;
                    return true;
                }
            }

            tokens = default;
            return false;
        }
    }
}
