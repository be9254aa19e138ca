namespace MambaConnector.Documents;

/// <summary>What a block of a document is.</summary>
public enum DocumentBlockKind
{
    /// <summary>Running text.</summary>
    Paragraph,

    /// <summary>A heading; <see cref="DocumentBlock.Level"/> says of what depth.</summary>
    Heading,

    /// <summary>A list, an item a line.</summary>
    List,

    /// <summary>Text whose lines and spaces mean something.</summary>
    Code,

    /// <summary>A table, a row a line, with <c> | </c> between cells.</summary>
    Table,

    /// <summary>A quotation.</summary>
    Quote,
}
