namespace MambaConnector.Documents.Reading;

/// <summary>What elements of HTML mean to a text.</summary>
internal static class HtmlElements
{
    /// <summary>Whether what stands between an element's tags is no text of the document.</summary>
    public static bool HoldsNoText(string name) =>
        name is "script" or "style" or "noscript" or "template" or "svg" or "math" or "iframe" or "object" or "textarea" or "select" or "canvas";

    /// <summary>The level of a heading's element; 0: it is none. A document's title is one.</summary>
    public static int HeadingLevel(string name) => name switch
    {
        "title" => 1,
        ['h', >= '1' and <= '6'] => name[1] - '0',
        _ => 0,
    };

    /// <summary>Whether an element's tags end a paragraph.</summary>
    public static bool IsBlock(string name) => name switch
    {
        "p" or "div" or "section" or "article" or "header" or "footer" or "main" or "nav" or "aside" or "figure" or "figcaption" or "address" => true,
        "hr" or "body" or "html" or "head" or "form" or "fieldset" or "details" or "summary" or "dl" or "dt" or "dd" or "center" => true,
        _ => false,
    };
}
