namespace MambaConnector.Scheduling;

/// <summary>A sequence's part of a batch.</summary>
/// <param name="Run">The sequence.</param>
/// <param name="TokenCount">Tokens that it reads; 0 where only the logits of its state are wanted.</param>
internal readonly record struct BatchPart(SequenceRun Run, int TokenCount);
