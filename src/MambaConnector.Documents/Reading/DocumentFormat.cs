namespace MambaConnector.Documents;

/// <summary>How the bytes of a document are written.</summary>
public enum DocumentFormat
{
    /// <summary>Found from its first few kilobytes: HTML where they begin with a tag or a declaration of it, Markdown where several of their lines
    /// have its marks, else text.</summary>
    Auto,

    /// <summary>Plain text: paragraphs between blank lines, with or without wrapped lines; also what tools extract from PDF, with form feeds between
    /// pages.</summary>
    Text,

    /// <summary>Markdown (CommonMark, with tables).</summary>
    Markdown,

    /// <summary>HTML of any version. Scripts, styles and markup are left out.</summary>
    Html,
}
