namespace MambaConnector.Generation;

/// <summary>Limits which tokens a generation may choose, so that its text follows a grammar. One generation's own; not thread-safe.</summary>
/// <remarks>The order of calls in a step: <see cref="Mask"/>, a choice among the tokens that it allows, <see cref="TryAccept"/>; where that
/// refuses, <see cref="Mask"/> again. A constraint always leaves a way: at least one token that is allowed will also be accepted.</remarks>
internal interface ITokenConstraint
{
    /// <summary>The tokens that may come next: bit <c>id % 32</c> of word <c>id / 32</c>. Empty: all of them. Stop tokens stand in it where the
    /// text may end.</summary>
    ReadOnlySpan<uint> Mask { get; }

    /// <summary>Whether the text is complete and nothing can follow: the generation ends without another token.</summary>
    bool IsComplete { get; }

    /// <summary>Takes the token that was chosen.</summary>
    /// <param name="token">One that <see cref="Mask"/> allows.</param>
    /// <param name="tokensLeft">How many more the generation may choose after it.</param>
    /// <returns>False when the text could not be completed within <paramref name="tokensLeft"/> after it: nothing was taken, and the mask no longer
    /// allows the token.</returns>
    bool TryAccept(int token, int tokensLeft);
}
