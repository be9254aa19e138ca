using MambaConnector.Models;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Models;

/// <summary>What the files beside the weights say.</summary>
public sealed class CheckpointFilesTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mamba-checkpoint-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void EndTokensAreTheUnionOfAllFiles()
    {
        Write("generation_config.json", """{ "eos_token_id": [5, 0], "do_sample": true, "temperature": 0.7, "top_k": 40 }""");
        Write("tokenizer_config.json", """{ "eos_token": { "content": "<|im_end|>" } }""");
        GenerationDefaults defaults = Open().Defaults;
        Assert.Equal([5, 0, TestTokenizer.ImEnd], defaults.EndTokenIds);
        Assert.Equal((0.7f, 40), (defaults.Temperature, defaults.TopK));
        Assert.Null(defaults.TopP);
    }

    [Fact]
    public void ASingleEndTokenAndGreedyDecoding()
    {
        Write("generation_config.json", """{ "eos_token_id": 3, "do_sample": false, "temperature": 0.7 }""");
        Assert.Equal([3], Open().Defaults.EndTokenIds);
        Assert.Equal(0, Open().Defaults.Temperature);
    }

    [Theory]
    [InlineData("""{ "time_step_limit": [0.0, Infinity], "eos_token_id": 7 }""", new[] { 7 })]
    [InlineData("""{ "eos_token_id": [7, 8], "x": 1 }""", new[] { 7, 8 })]
    [InlineData("""{ "eos_token_id": null }""", new int[0])]
    public void WithoutGenerationConfigTheModelsConfigSays(string config, int[] expected)
    {
        Write("config.json", config);
        Assert.Equal(expected, Open().Defaults.EndTokenIds);
    }

    [Theory]
    [InlineData("""{ "chat_template": "one" }""", "one")]
    [InlineData("""{ "chat_template": [{ "name": "tool_use", "template": "two" }, { "name": "default", "template": "three" }] }""", "three")]
    [InlineData("""{ "chat_template": null }""", null)]
    [InlineData("{}", null)]
    public void FindsTheChatTemplate(string config, string? expected)
    {
        Write("tokenizer_config.json", config);
        Assert.Equal(expected, Open().ChatTemplate);
    }

    [Fact]
    public void ATokenizerThatIsNotKnownIsAFormatError()
    {
        Write("tokenizer.json", """{ "model": { "type": "Unigram" } }""");
        var exception = Assert.Throws<MambaFormatException>(() => MambaModel.LoadTokenizer(_directory.FullName));
        Assert.Contains("Unigram", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ATemplateFileOfItsOwnWins()
    {
        Write("tokenizer_config.json", """{ "chat_template": "one" }""");
        Write("chat_template.jinja", "two");
        Assert.Equal("two", Open().ChatTemplate);
    }

    [Theory]
    [InlineData("generation_config.json", "{", "generation_config.json")]
    [InlineData("generation_config.json", "[]", "generation_config.json")]
    [InlineData("generation_config.json", """{ "eos_token_id": "x" }""", "'eos_token_id'")]
    [InlineData("generation_config.json", """{ "temperature": "hot" }""", "'temperature'")]
    [InlineData("tokenizer_config.json", """{ "chat_template": [{ "name": "tool_use", "template": "two" }] }""", "'chat_template'")]
    public void ABadFileIsNamed(string file, string content, string named)
    {
        Write(file, content);
        Assert.Contains(named, Assert.Throws<MambaFormatException>(Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EmptyDirectoriesSayNothing()
    {
        Checkpoint checkpoint = new(ModelMetadata.Empty, CheckpointFiles.Read(_directory.FullName), null);
        Assert.Null(checkpoint.ChatTemplate);
        Assert.Empty(checkpoint.Defaults.EndTokenIds);
        Assert.False(checkpoint.HasTokenizer);
        Assert.Throws<MambaFormatException>(() => checkpoint.Tokenizer);
    }

    [Fact]
    public void GgufKeysSayTheSame()
    {
        ModelMetadata metadata = new(new Dictionary<string, object>
        {
            ["tokenizer.chat_template"] = "one",
            ["tokenizer.ggml.eos_token_id"] = 4u,
            ["tokenizer.ggml.eot_token_id"] = 6u,
            ["mamba_connector.end_token_ids"] = (int[])[4, 2],
            ["general.sampling.temp"] = 0.5f,
            ["general.sampling.top_k"] = 30,
        });
        Checkpoint checkpoint = new(metadata, null, null);
        Assert.Equal("one", checkpoint.ChatTemplate);
        Assert.Equal([4, 2, 6], checkpoint.Defaults.EndTokenIds);
        Assert.Equal((0.5f, 30), (checkpoint.Defaults.Temperature, checkpoint.Defaults.TopK));
        Assert.Empty(checkpoint.PackMetadata());
    }

    [Fact]
    public void ADirectorysKeysAreWrittenForGguf()
    {
        Write("generation_config.json", """{ "eos_token_id": [5, 0], "top_p": 0.9, "min_p": 0.1, "repetition_penalty": 1.1 }""");
        Write("tokenizer_config.json", """{ "chat_template": "one" }""");
        byte[] packed = Open().PackMetadata();
        string[] keys =
        [
            "tokenizer.ggml.tokens", "tokenizer.chat_template", "general.sampling.top_p", "general.sampling.min_p", "general.sampling.penalty_repeat",
            "mamba_connector.end_token_ids",
        ];
        foreach (string key in keys)
        {
            Assert.True(packed.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(key)) > 0, key);
        }
    }

    private Checkpoint Open() => new(ModelMetadata.Empty, CheckpointFiles.Read(_directory.FullName), () => TestTokenizer.Create());

    private void Write(string name, string content) => File.WriteAllText(Path.Combine(_directory.FullName, name), content);
}
