using MambaConnector.Scheduling;

namespace MambaConnector.Telemetry;

/// <summary>What a scheduler does, as metrics.</summary>
internal sealed class SchedulerTelemetry : ISchedulerObserver
{
    private readonly ChatTelemetry _telemetry;
    private volatile int _waiting;
    private volatile int _running;

    public SchedulerTelemetry(ChatTelemetry telemetry)
    {
        _telemetry = telemetry;
        telemetry.Queue(() => _waiting, () => _running);
    }

    public void OnLoadChanged(int waiting, int running) => (_waiting, _running) = (waiting, running);

    public void OnEvaluated(int decoding, int prefilling, int tokens) => _telemetry.Batch(decoding, prefilling, tokens);
}
