using MambaConnector.Backend;
using MambaConnector.Models;

namespace MambaConnector.Tests.Support;

/// <summary>Models on backends of tests.</summary>
internal static class TestModel
{
    /// <summary>A model with the test tokenizer whose only end token is <c>&lt;|im_end|&gt;</c>.</summary>
    public static MambaModel Create(
        IInferenceBackend backend, ChatTemplate? template = null, MambaModelOptions? options = null, string name = "") => new(
        backend,
        new Checkpoint(
            new ModelMetadata(
            [
                KeyValuePair.Create<string, object>("mamba_connector.end_token_ids", new[] { TestTokenizer.ImEnd }),
                KeyValuePair.Create<string, object>("general.name", name),
            ]),
            null,
            () => TestTokenizer.Create()),
        (options ?? new MambaModelOptions()) with { ChatTemplate = template });

    /// <summary>A model without a tokenizer.</summary>
    public static MambaModel CreateBare(ScriptedBackend backend) => new(backend, new Checkpoint(ModelMetadata.Empty, null, null), new MambaModelOptions());

    /// <summary>A backend that says a text and then an end token, after a prompt of some length.</summary>
    public static ScriptedBackend Reply(string text, Func<int> promptLength, int rollbackCapacity = 16)
    {
        int[] script = [.. TestTokenizer.Tokens(text), TestTokenizer.ImEnd];
        return new ScriptedBackend(
            history => script[Math.Clamp(history.Count - promptLength(), 0, script.Length - 1)], TestTokenizer.VocabSize)
        {
            RollbackCapacity = rollbackCapacity,
        };
    }
}
