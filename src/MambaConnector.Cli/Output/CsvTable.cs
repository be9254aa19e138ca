using System.Globalization;
using System.Text;

namespace MambaConnector.Cli.Output;

/// <summary>A table as RFC 4180 wants it: commas, quotes where they are needed. Numbers read back the same; lines end in \n.</summary>
internal sealed class CsvTable
{
    private readonly List<IEnumerable<object?[]>> _rows = [];
    private readonly int _columnCount;

    /// <summary>Begins with the names of the columns.</summary>
    public CsvTable(params ReadOnlySpan<string> columns)
    {
        _columnCount = columns.Length;
        AddRow([.. columns]);
    }

    /// <summary>Adds a row. What is null or no number (NaN) stays empty.</summary>
    public void AddRow(params object?[] values)
    {
        Check(values);
        _rows.Add([values]);
    }

    /// <summary>Adds rows that are made while they are written: millions take no memory.</summary>
    public void AddRows(IEnumerable<object?[]> rows) => _rows.Add(rows);

    /// <summary>Writes it in UTF-8.</summary>
    public void Write(Stream stream)
    {
        using StreamWriter writer = new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
        foreach (object?[] values in _rows.SelectMany(rows => rows))
        {
            Check(values);
            writer.Write(string.Join(',', values.Select(Spell)));
            writer.Write('\n');
        }
    }

    private void Check(object?[] values)
    {
        if (values.Length != _columnCount)
        {
            throw new ArgumentException($"A row of this table has {_columnCount} values, not {values.Length}.", nameof(values));
        }
    }

    private static string Spell(object? value)
    {
        string text = value is double.NaN ? "" : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
        return text.AsSpan().ContainsAny(",\"\n\r") ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
    }
}
