using System.Globalization;

namespace MambaConnector;

/// <summary>The window of <see cref="RestartWindowPolicy"/> computed as a difference of states (arXiv 2410.07145, equation 8): to check that one, at
/// a precision that falls with the length.</summary>
/// <remarks><c>h_t - exp(A (dt_{s+1} + ... + dt_t)) h_s</c>, where s is the block border at which the other form's first state began. Both numbers
/// grow with the text and their difference does not, so digits are lost.</remarks>
public sealed record DifferenceWindowPolicy : LongContextPolicy
{
    /// <summary>Creates the policy.</summary>
    /// <inheritdoc cref="LongContextPolicy.RestartWindow" path="/param"/>
    /// <inheritdoc cref="LongContextPolicy.RestartWindow" path="/exception"/>
    public DifferenceWindowPolicy(int tokens) => Tokens = RestartWindowPolicy.Check(tokens);

    /// <inheritdoc cref="RestartWindowPolicy.Tokens"/>
    public int Tokens { get; }

    private protected override string Text => string.Create(CultureInfo.InvariantCulture, $"difference:{Tokens}");
}
