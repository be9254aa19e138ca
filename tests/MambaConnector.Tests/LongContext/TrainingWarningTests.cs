using MambaConnector.Tests.Support;
using MambaConnector.Tests.Telemetry;
using Microsoft.Extensions.Logging;

namespace MambaConnector.Tests.LongContext;

public sealed class TrainingWarningTests
{
    [Theory]
    [InlineData(2048, null, true)]
    [InlineData(65_536, null, false)]
    [InlineData(0, null, false)] // not known
    [InlineData(2048, 64, false)] // a window holds the collapse off
    public void AModelThatWasTrainedTooShortIsLoggedOnce(int trainingLength, int? window, bool warns)
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        backend.ModelInfo = backend.ModelInfo with { LayerCount = 24, DInner = 1536, DState = 128, TrainingLength = trainingLength };
        MambaChatClientOptions options = new() { LongContextPolicy = window is int tokens ? LongContextPolicy.RestartWindow(tokens) : null };
        RecordedLog log = new();
        using MambaChatClient client = new(TestModel.Create(backend, ChatTemplate.ChatMl), options, loggerFactory: log);

        Assert.Equal(warns, log.Lines.Any(line => line.Level == LogLevel.Warning && line.Text.Contains("Feed your Mamba", StringComparison.Ordinal)));
        Assert.True(log.Lines.Count <= 1);
    }
}
