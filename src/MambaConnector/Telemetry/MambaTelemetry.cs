namespace MambaConnector;

/// <summary>Names under which the library can be observed, for <c>AddSource</c> and <c>AddMeter</c> of OpenTelemetry. Spans and metrics
/// follow its conventions for generative AI; <c>docs/chat-client.md</c> lists them.</summary>
public static class MambaTelemetry
{
    /// <summary>The <see cref="System.Diagnostics.ActivitySource"/> of the spans: one a request, <c>chat {model}</c>.</summary>
    public const string SourceName = "MambaConnector";

    /// <summary>The <see cref="System.Diagnostics.Metrics.Meter"/> of the metrics.</summary>
    public const string MeterName = "MambaConnector";
}
