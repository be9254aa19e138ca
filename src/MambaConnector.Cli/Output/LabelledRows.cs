namespace MambaConnector.Cli.Output;

/// <summary>Facts for people, one a line: what it is, and in a column of its own the value.</summary>
internal static class LabelledRows
{
    /// <summary>Writes a line a fact.</summary>
    public static void Write(TextWriter output, IEnumerable<(string Label, string Value)> rows)
    {
        foreach ((string label, string value) in rows)
        {
            output.WriteLine($"{label,-16} {value}");
        }
    }
}
