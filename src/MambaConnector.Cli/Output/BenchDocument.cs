namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>bench</c>. Speeds are medians: of every prompt, and of every 16 steps of decoding.</summary>
/// <param name="Device">Where it ran.</param>
/// <param name="DeviceName">What its maker calls it.</param>
/// <param name="Isa">With which instructions; null on a CUDA device.</param>
/// <param name="Weights">The type of the matrices.</param>
/// <param name="PrefillTokensPerSecond">Of all sessions together; after each prompt the logits of its last token.</param>
/// <param name="DecodeTokensPerSecond">Of all sessions together.</param>
/// <param name="BestPrefillTokensPerSecond">Of the fastest prompt: what the machine can do when nothing else uses it.</param>
/// <param name="BestDecodeTokensPerSecond">Of the fastest 16 steps.</param>
/// <param name="WeightBytes">Bytes of the weights.</param>
/// <param name="StateBytes">Bytes of one session's state.</param>
/// <param name="BytesPerToken">Bytes that one decoded token moves: of the weights its share, of its state what it reads and writes.</param>
/// <param name="ReadBandwidthBytesPerSecond">What the memory gave in the same run: the ceiling of decode.</param>
/// <param name="FlopsPerToken">Floating-point operations of one decoded token; a multiply and an add are two.</param>
/// <param name="PrefillFlopsPerToken">The same of a prompt's token, for which the head has nothing to do.</param>
/// <param name="PeakRssBytes">The most memory that the process has held.</param>
/// <param name="RssBeforeLoadBytes">What it held before the model was loaded.</param>
internal sealed record BenchDocument(
    string Device,
    string DeviceName,
    string? Isa,
    string Weights,
    double PrefillTokensPerSecond,
    double DecodeTokensPerSecond,
    double BestPrefillTokensPerSecond,
    double BestDecodeTokensPerSecond,
    long WeightBytes,
    long StateBytes,
    long BytesPerToken,
    double ReadBandwidthBytesPerSecond,
    long FlopsPerToken,
    long PrefillFlopsPerToken,
    long PeakRssBytes,
    long RssBeforeLoadBytes);
