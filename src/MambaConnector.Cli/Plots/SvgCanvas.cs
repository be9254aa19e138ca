using System.Globalization;
using System.Text;
using System.Xml;

namespace MambaConnector.Cli.Plots;

/// <summary>Writes the elements of an SVG image: the same calls give the same bytes, on every system. Colours come from classes, which follow
/// the reader's choice of light or dark.</summary>
internal sealed class SvgCanvas : IDisposable
{
    /// <summary>Lines of a chart have the classes c0 to c7.</summary>
    public const int ColourCount = 8;

    // The width of a character of the mean at 1 px of font size: fonts are the reader's, so that this is an estimate.
    private const double CharacterWidth = 0.56;

    private const string Style = """
        text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",Arial,sans-serif;fill:#59636e}
        .title{font-size:15px;font-weight:600;fill:#1f2328}.name{fill:#1f2328}.paper{fill:#ffffff}.grid{stroke:#d8dee4;stroke-width:1}
        .axis{stroke:#818b98;stroke-width:1}.mark{stroke:#59636e;stroke-width:1.2;stroke-dasharray:5 4}
        .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
        .none{fill:#eaeef2}.light{fill:#ffffff}.dark{fill:#1f2328}
        .c0{stroke:#0969da;fill:#0969da}.c1{stroke:#d9480f;fill:#d9480f}.c2{stroke:#1a7f37;fill:#1a7f37}.c3{stroke:#8250df;fill:#8250df}
        .c4{stroke:#0c8599;fill:#0c8599}.c5{stroke:#cf222e;fill:#cf222e}.c6{stroke:#9a6700;fill:#9a6700}.c7{stroke:#bf3989;fill:#bf3989}
        .line{fill:none}.dot{stroke:none}
        @media(prefers-color-scheme:dark){text{fill:#9198a1}.title,.name{fill:#f0f6fc}.paper{fill:#0d1117}.grid{stroke:#2a313c}.axis{stroke:#656c76}.mark{stroke:#9198a1}
        .none{fill:#212830}.light{fill:#ffffff}.dark{fill:#1f2328}
        .c0{stroke:#4493f8;fill:#4493f8}.c1{stroke:#ff922b;fill:#ff922b}.c2{stroke:#3fb950;fill:#3fb950}.c3{stroke:#ab7df8;fill:#ab7df8}
        .c4{stroke:#3bc9db;fill:#3bc9db}.c5{stroke:#f85149;fill:#f85149}.c6{stroke:#d29922;fill:#d29922}.c7{stroke:#f778ba;fill:#f778ba}
        .line{fill:none}.dot{stroke:none}}
        """;

    private readonly XmlWriter _xml;

    /// <summary>Begins an image.</summary>
    /// <param name="stream">Receives it; stays open.</param>
    /// <param name="width">Pixels at its natural size.</param>
    /// <param name="height">Pixels at its natural size.</param>
    /// <param name="title">What it shows, also for those who cannot see it.</param>
    public SvgCanvas(Stream stream, double width, double height, string title)
    {
        _xml = XmlWriter.Create(stream, new XmlWriterSettings
        {
            Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            Indent = true,
            IndentChars = "",
            NewLineChars = "\n",
            OmitXmlDeclaration = true,
        });
        _xml.WriteStartElement("svg", "http://www.w3.org/2000/svg");
        Attributes(("width", width), ("height", height), ("viewBox", $"0 0 {Number(width)} {Number(height)}"), ("role", "img"));
        _xml.WriteElementString("title", Clean(title));
        _xml.WriteElementString("style", Style.ReplaceLineEndings("\n"));
        Element("rect", ("class", "paper"), ("width", width), ("height", height), ("rx", 6));
        Text(title, 20, 28, "title");
    }

    /// <summary>How wide a text will be, about.</summary>
    public static double WidthOf(string text, double fontSize = 12) => text.Length * fontSize * CharacterWidth;

    /// <summary>A number in the shortest form with two decimals at most.</summary>
    public static string Number(double value) => Math.Round(value, 2).ToString("0.##", CultureInfo.InvariantCulture);

    /// <summary>An element without content.</summary>
    public void Element(string name, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        _xml.WriteStartElement(name);
        Attributes(attributes);
        _xml.WriteEndElement();
    }

    /// <summary>A straight line.</summary>
    public void Line(string style, double x1, double y1, double x2, double y2) =>
        Element("line", ("class", style), ("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2));

    /// <summary>A text whose base line begins, has its middle, or ends at a point.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="x">Where.</param>
    /// <param name="y">Of the base line.</param>
    /// <param name="style">Its class, or null.</param>
    /// <param name="anchor"><c>start</c>, <c>middle</c> or <c>end</c>.</param>
    /// <param name="isUpright">Turned a quarter to the left, read from below.</param>
    public void Text(string text, double x, double y, string? style = null, string anchor = "start", bool isUpright = false)
    {
        _xml.WriteStartElement("text");
        if (style is not null)
        {
            _xml.WriteAttributeString("class", style);
        }

        if (anchor != "start")
        {
            _xml.WriteAttributeString("text-anchor", anchor);
        }

        if (isUpright)
        {
            _xml.WriteAttributeString("transform", $"translate({Number(x)} {Number(y)}) rotate(-90)");
        }
        else
        {
            Attributes(("x", x), ("y", y));
        }

        _xml.WriteString(Clean(text));
        _xml.WriteEndElement();
    }

    /// <summary>Ends the image.</summary>
    public void Dispose()
    {
        _xml.WriteEndElement();
        _xml.Dispose();
    }

    // XML has no place for most control characters, and none for half a surrogate pair.
    private static string Clean(string text)
    {
        StringBuilder clean = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            clean.Append(Rune.IsControl(rune) ? " " : rune.ToString());
        }

        return clean.ToString();
    }

    private void Attributes(params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        foreach ((string name, object value) in attributes)
        {
            _xml.WriteAttributeString(name, value is string text ? text : Number(Convert.ToDouble(value, CultureInfo.InvariantCulture)));
        }
    }
}
