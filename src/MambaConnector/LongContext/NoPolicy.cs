namespace MambaConnector.LongContext;

/// <summary><see cref="LongContextPolicy.None"/>.</summary>
internal sealed record NoPolicy : LongContextPolicy
{
    private protected override string Text => "none";
}
