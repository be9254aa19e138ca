namespace MambaConnector.Documents.Tests.Support;

/// <summary>Documents.</summary>
internal static class Samples
{
    /// <summary>Three sections with headings of one level, Markdown.</summary>
    public const string ThreeSections = """
        # The harbour

        The ship Aurora lies in the harbour. Its captain is called Brand, and he waits for the wind to turn.

        # The market

        On the market a pound of apples costs four pence. Nobody sells pears this year, because of the frost in May.

        # The mill

        The mill stands still. The miller has gone to town to buy a new wheel, and his son keeps the accounts.
        """;
}
