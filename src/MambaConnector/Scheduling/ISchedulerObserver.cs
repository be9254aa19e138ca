namespace MambaConnector.Scheduling;

/// <summary>Hears what a scheduler does, for metrics. Called on the scheduler's thread and on those that submit; must be quick and not
/// throw.</summary>
internal interface ISchedulerObserver
{
    /// <summary>The number of requests that wait, or of those that run, has changed.</summary>
    void OnLoadChanged(int waiting, int running);

    /// <summary>The engine has done a batch, or, where it failed as a whole, those of its parts that do not fail alone.</summary>
    /// <param name="decoding">Sequences that it advanced by one generated token.</param>
    /// <param name="prefilling">The others: sequences of which it read a part of the prompt, or what the state at the end lacked.</param>
    /// <param name="tokens">All its tokens.</param>
    void OnEvaluated(int decoding, int prefilling, int tokens);
}
