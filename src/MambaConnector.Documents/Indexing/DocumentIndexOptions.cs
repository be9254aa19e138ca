namespace MambaConnector.Documents;

/// <summary>How a document is read into an index, and what of it is kept. Immutable.</summary>
public sealed record DocumentIndexOptions
{
    /// <summary>How the document is written.</summary>
    public DocumentFormat Format { get; init; }

    /// <summary>Tokens of a section, about: 64 to 65,536.</summary>
    public int SectionTokens { get; init; } = 2_000;

    /// <summary>Bytes of states in the index at most. The state behind the whole document is kept whatever it takes; of those at the borders of
    /// sections, where not all fit, every second, fourth, ... is.</summary>
    public long MaxBytes { get; init; } = 256L << 20;

    /// <summary>Bytes of states of single sections (<see cref="DocumentIndex.OpenSection"/>) that are kept beside the index, at most; 0: none. A
    /// section that does not fit is read at every question to it. A state of a 2.7B Mamba-2 takes 170 MB: 4 GiB, the default, keep 25.</summary>
    public long MaxSectionBytes { get; init; } = 4L << 30;

    /// <summary>How the document stands in a conversation.</summary>
    public DocumentPromptOptions Prompt { get; init; } = new();

    /// <summary>The policy to read with; null: the model's (<see cref="MambaModelOptions.LongContextPolicy"/>).</summary>
    public LongContextPolicy? Policy { get; init; }

    /// <summary>Watches the state while the document is read; null: nobody does. With an action that changes the state, a reading that was stopped
    /// begins anew.</summary>
    public CollapseMonitorOptions? Monitor { get; init; }

    /// <summary>Whether the monitor may change the state, by what it has seen since the reading began.</summary>
    internal bool MonitorActs => Monitor is { } monitor && monitor.Action != CollapseAction.None && monitor.Action != CollapseAction.Warn;

    /// <exception cref="ArgumentOutOfRangeException">A member is out of its range; named.</exception>
    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(SectionTokens, 64);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(SectionTokens, 65_536);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxBytes);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxSectionBytes);
        ArgumentNullException.ThrowIfNull(Prompt);
        Reader.Check();
    }

    /// <summary>How the document's blocks are read: none is much longer than a section, at four characters a token.</summary>
    internal DocumentReaderOptions Reader => new() { Format = Format, MaxBlockLength = Math.Clamp(SectionTokens * 4, 256, 65_536) };
}
