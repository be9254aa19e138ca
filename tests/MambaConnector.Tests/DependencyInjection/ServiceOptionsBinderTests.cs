using MambaConnector.DependencyInjection;
using Microsoft.Extensions.Configuration;

namespace MambaConnector.Tests.DependencyInjection;

public sealed class ServiceOptionsBinderTests
{
    [Fact]
    public void EveryMemberCanBeConfigured()
    {
        MambaServiceOptions options = Bind(
            """
            {
              "ModelPath": "model.gguf", "Device": "cuda:1", "ThreadCount": 3, "WeightType": "q8_0", "Isa": "avx2",
              "TokenizerPath": "tokenizer.json",
              "ConversationDirectory": "kept", "UseDistributedCache": true, "ConversationMaxBytes": 5000000000,
              "ConversationExpiration": "1.02:00:00",
              "ModelId": "mine", "MaxInputTokens": 100, "MaxConcurrency": 5, "MaxQueueLength": 6, "PrefillSliceTokens": 7,
              "PrefixCacheBytes": 8, "StoreConversations": true, "EnableSensitiveData": true,
              "Generation": {
                "MaxTokens": 9, "Temperature": 0.5, "TopK": 10, "TopP": 0.25, "MinP": 0.125, "RepetitionPenalty": 1.5,
                "FrequencyPenalty": 0.75, "PresencePenalty": -0.5, "PenaltyWindow": 11, "Seed": 12,
                "StopSequences": ["a", "b"], "StopTokenIds": [13, 14]
              }
            }
            """);

        Assert.Equal(
            new MambaModelOptions
            {
                Device = "cuda:1", ThreadCount = 3, WeightType = MambaWeightType.Q8_0, Isa = MambaIsa.Avx2,
                TokenizerPath = "tokenizer.json",
            },
            options.ToModelOptions());
        Assert.Equal(("model.gguf", "kept", true), (options.ModelPath, options.ConversationDirectory, options.UseDistributedCache));
        Assert.Equal((5_000_000_000, new TimeSpan(1, 2, 0, 0)), (options.ConversationMaxBytes, options.ConversationExpiration));
        Assert.Equal(("mine", 100, 5, 6), (options.ModelId, options.MaxInputTokens, options.MaxConcurrency, options.MaxQueueLength));
        Assert.Equal(
            (7, 8, true, true),
            (options.PrefillSliceTokens, options.PrefixCacheBytes, options.StoreConversations, options.EnableSensitiveData));
        GenerationOptions generation = options.Generation;
        Assert.Equal(["a", "b"], generation.StopSequences!);
        Assert.Equal([13, 14], generation.StopTokenIds!);
        Assert.Equal(
            new GenerationOptions
            {
                MaxTokens = 9, Temperature = 0.5f, TopK = 10, TopP = 0.25f, MinP = 0.125f, RepetitionPenalty = 1.5f,
                FrequencyPenalty = 0.75f, PresencePenalty = -0.5f, PenaltyWindow = 11, Seed = 12,
            },
            generation with { StopSequences = null, StopTokenIds = null });
    }

    [Fact]
    public void ALongContextPolicyIsAText()
    {
        MambaServiceOptions options = Bind("""{ "LongContextPolicy": "window:4096", "TrainingLength": 8192 }""");
        Assert.Equal(LongContextPolicy.RestartWindow(4096), options.LongContextPolicy);
        Assert.Equal(8192, options.ToModelOptions().TrainingLength);
        Assert.Null(Bind("""{ "LongContextPolicy": "" }""").LongContextPolicy);

        options.LongContextPolicy = LongContextPolicy.Auto;
        ServiceOptionsBinder.Bind(Read("""{ "MaxConcurrency": 2 }"""), options);
        Assert.Equal(LongContextPolicy.Auto, options.LongContextPolicy);
    }

    [Fact]
    public void ConfigurationHasAKeyForEveryMemberThatIsNotCode()
    {
        // One that is added and forgotten in the section would be configured without effect.
        Assert.Equal(
            typeof(GenerationOptions).GetProperties().Select(property => property.Name).Order(),
            typeof(GenerationSection).GetProperties().Select(property => property.Name).Order());
    }

    [Fact]
    public void WhatConfigurationDoesNotNameStaysAsItIs()
    {
        MambaServiceOptions options = new() { MaxConcurrency = 3, Generation = new GenerationOptions { TopK = 4, MaxTokens = 5 } };
        ServiceOptionsBinder.Bind(Read("""{ "MaxQueueLength": 6, "Generation": { "MaxTokens": 7 } }"""), options);

        Assert.Equal((3, 6), (options.MaxConcurrency, options.MaxQueueLength));
        Assert.Equal(new GenerationOptions { TopK = 4, MaxTokens = 7 }, options.Generation);
    }

    [Theory]
    [InlineData("""{ "Isa": "mmx" }""", "Isa is 'mmx'; use one of Auto, Scalar, Avx2, Avx512, Amx, Neon.")]
    [InlineData("""{ "LongContextPolicy": "windw:64" }""", "LongContextPolicy: 'windw:64' is no long-context policy; use none, auto, ")]
    [InlineData("""{ "LongContextPolicy": "filter:/no/such/table.json" }""", "LongContextPolicy: Could not find")]
    [InlineData("""{ "WeightType": "Q2" }""", "WeightType is 'Q2'; use one of AsStored, F32, ")]
    [InlineData("""{ "MaxConcurrency": "many" }""", "Failed to convert configuration value 'many' at 'MaxConcurrency'")]
    [InlineData("""{ "Generation": { "TopP": "most" } }""", "Failed to convert configuration value 'most' at 'Generation:TopP'")]
    [InlineData("""{ "CollapseMonitor": { "IntervalTokens": 512 } }""", "CollapseMonitor is set in code, ")]
    [InlineData("""{ "ModelPaht": "x" }""", "'ModelPaht'")]
    [InlineData("""{ "Generation": { "Tempreture": 1 } }""", "'Tempreture'")]
    public void WhatCannotBeUnderstoodIsAnError(string json, string message)
    {
        InvalidOperationException exception = Assert.Throws<InvalidOperationException>(() => Bind(json));
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    private static MambaServiceOptions Bind(string json)
    {
        MambaServiceOptions options = new();
        ServiceOptionsBinder.Bind(Read(json), options);
        return options;
    }

    private static IConfiguration Read(string json)
    {
        using MemoryStream stream = new(System.Text.Encoding.UTF8.GetBytes(json));
        return new ConfigurationBuilder().AddJsonStream(stream).Build();
    }
}
