using MambaConnector.Backend;
using MambaConnector.Generation;

namespace MambaConnector.Scheduling;

/// <summary>What a sequence reads and how it goes on.</summary>
internal sealed record SequenceRequest
{
    /// <summary>Where to begin; the scheduler's own from <see cref="Scheduler.Submit"/> on, also when that throws. Null: an empty state, made when
    /// the request is admitted.</summary>
    public IBackendSession? State { get; init; }

    /// <summary>The long-context policy of an empty state, resolved; null: the model's. That of <see cref="State"/> stays what it is.</summary>
    public LongContextPolicy? Policy { get; init; }

    /// <summary>Tokens to read after <see cref="State"/>. May be empty where that holds tokens.</summary>
    public ReadOnlyMemory<int> Prompt { get; init; }

    /// <summary>Tokens that <see cref="State"/> already holds and that the penalties see before <see cref="Prompt"/>.</summary>
    public ReadOnlyMemory<int> Context { get; init; }

    public required GenerationPlan Plan { get; init; }

    /// <summary>What the text must follow; null: nothing. The sequence's own.</summary>
    public ITokenConstraint? Constraint { get; init; }

    /// <summary>Counts of tokens of <see cref="Prompt"/>, ascending, from 1 to its length, after which <see cref="OnBorder"/> is called.</summary>
    public IReadOnlyList<int> Borders { get; init; } = [];

    /// <summary>Receives a border and a copy of the state there, which is the receiver's own. Called on a thread of the scheduler or of the pool, for
    /// several sequences at once; must not throw.</summary>
    public Action<int, IBackendSession>? OnBorder { get; init; }

    /// <summary>Watches the state, and may switch its policy; null: nobody does.</summary>
    public CollapseMonitor? Monitor { get; init; }

    /// <summary>Whether the state at the end is wanted.</summary>
    public bool KeepState { get; init; }
}
