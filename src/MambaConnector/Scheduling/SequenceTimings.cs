namespace MambaConnector.Scheduling;

/// <summary>Where a request's time went.</summary>
/// <param name="Queued">From <see cref="Scheduler.Submit"/> to its place among those that run.</param>
/// <param name="TimeToFirstToken">From <see cref="Scheduler.Submit"/> to the first token.</param>
/// <param name="Decode">From the first token to the last.</param>
internal readonly record struct SequenceTimings(TimeSpan Queued, TimeSpan TimeToFirstToken, TimeSpan Decode);
