using MambaConnector.Tests.Support;
using MambaConnector.Tests.Tokenization;

namespace MambaConnector.Tests.Chat;

/// <summary>Conversations on a SentencePiece vocabulary, which puts a space before every text.</summary>
public class SentencePieceChatTests
{
    private static readonly MambaTokenizer Tokenizer = MambaModel.LoadTokenizer(Fixture.PathOf("ggml-vocab-llama-spm.gguf"));

    [Fact]
    public void TheTemplatesSpaceAndTheTokenizersAreOne()
    {
        ChatTurn[] turns = [new(ChatRoles.User, "Hi"), new(ChatRoles.Assistant, "Hello!"), new(ChatRoles.User, "More")];

        // This vocabulary has no [INST] token, so the markers are text, as for a model that was trained with it.
        Assert.Equal(
            [
                Tokenizer.BosId!.Value, .. Tokenizer.Encode("[INST] Hi[/INST] Hello!"), Tokenizer.EosId!.Value, .. Tokenizer.Encode("[INST] More[/INST]"),
            ],
            ChatTemplate.MistralV3.Render(Tokenizer, turns, addGenerationPrompt: true));
    }

    [Fact]
    public async Task AContinuationKeepsItsSpaceAndAReplyHasNone()
    {
        int[] reply = [.. Tokenizer.Encode("good day"), Tokenizer.EosId!.Value];
        int prompt = 1;
        ScriptedBackend backend = new(history => reply[Math.Clamp(history.Count - prompt, 0, reply.Length - 1)], Tokenizer.VocabularySize);
        MambaConnector.Models.Checkpoint checkpoint = new(
            new ModelMetadata([KeyValuePair.Create<string, object>("tokenizer.ggml.eos_token_id", Tokenizer.EosId.Value)]), null, () => Tokenizer);
        using MambaModel model = new(backend, checkpoint, new MambaModelOptions { ChatTemplate = ChatTemplate.MistralV3 });
        using MambaSession session = model.CreateSession();
        session.Append([Tokenizer.BosId!.Value]);
        Assert.Equal(" good day", (await Steps.CollectAsync(session.GenerateAsync(new GenerationOptions { Temperature = 0 }))).Text);

        using ChatSession chat = new(model, new ChatSessionOptions { Generation = new GenerationOptions { Temperature = 0 } });
        prompt = ChatTemplate.MistralV3.Render(Tokenizer, [new(ChatRoles.User, "Hi")], addGenerationPrompt: true).Length;
        Steps steps = await Steps.CollectAsync(chat.SendTokensAsync("Hi"));
        Assert.Equal("good day", steps.Text);
        Assert.Equal("good day", chat.Transcript[^1].Content);
    }
}
