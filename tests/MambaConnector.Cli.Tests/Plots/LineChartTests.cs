using System.Globalization;
using System.Text;
using System.Xml.Linq;
using MambaConnector.Cli.Plots;

namespace MambaConnector.Cli.Tests.Plots;

public sealed class LineChartTests
{
    private static readonly LineChart _chart = new()
    {
        Title = "Loss <by> position & \"policy\"\u0001",
        X = PlotAxis.Positions,
        Y = new PlotAxis("loss, nats a token"),
        Series =
        [
            new PlotSeries("none", [(1, 9), (1024, 3.4), (65536, double.NaN), (131072, 3.2)]),
            new PlotSeries("window:4096", [(1, 9), (1024, 3.5)]),
        ],
        Mark = (8192, "T_train"),
    };

    [Fact]
    public void TheImageIsXmlWithEveryTextEscaped()
    {
        XDocument image = XDocument.Parse(Draw(_chart));

        Assert.Equal("Loss <by> position & \"policy\" ", image.Root!.Elements().First(element => element.Name.LocalName == "title").Value);
        string[] texts = [.. Elements(image, "text").Select(text => text.Value)];
        HashSet<string> expected = ["none", "window:4096", "T_train", "1", "1K", "64K", "position, tokens", "loss, nats a token"];
        Assert.Superset(expected, texts.ToHashSet());
    }

    [Fact]
    public void TheSameChartIsTheSameBytesInEveryCulture()
    {
        string first = Draw(_chart);
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        comma.NumberFormat.NumberDecimalSeparator = ",";
        CultureInfo.CurrentCulture = comma;
        try
        {
            Assert.Equal(first, Draw(_chart));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void EveryNameIsWithinTheImage()
    {
        LineChart many = _chart with { Series = [.. Enumerable.Range(0, 40).Select(head => new PlotSeries($"head {head}", [(1, 1), (2, 2)]))] };

        XDocument image = XDocument.Parse(Draw(many));

        double height = double.Parse(image.Root!.Attribute("viewBox")!.Value.Split(' ')[3], CultureInfo.InvariantCulture);
        XElement[] names = [.. Elements(image, "text").Where(text => text.Value.StartsWith("head ", StringComparison.Ordinal))];
        Assert.Equal(40, names.Length);
        Assert.All(names, name => Assert.InRange(double.Parse(name.Attribute("y")!.Value, CultureInfo.InvariantCulture), 0, height));
    }

    [Fact]
    public void ALineIsBrokenWhereThereIsNoValueAndHasADotAtEachOther()
    {
        XDocument image = XDocument.Parse(Draw(_chart));

        string path = Elements(image, "path").First().Attribute("d")!.Value;
        Assert.Equal(2, path.Count(letter => letter == 'M'));
        Assert.Equal(5, Elements(image, "circle").Count());
    }

    [Fact]
    public void EverythingLiesOnThePaper()
    {
        XDocument image = XDocument.Parse(Draw(_chart));
        double width = (double)image.Root!.Attribute("width")!, height = (double)image.Root.Attribute("height")!;

        Assert.All(Elements(image, "circle"), dot =>
        {
            Assert.InRange((double)dot.Attribute("cx")!, 0, width);
            Assert.InRange((double)dot.Attribute("cy")!, 0, height);
        });
    }

    [Fact]
    public void AnEmptyOrFlatChartIsStillAnImage()
    {
        XDocument.Parse(Draw(_chart with { Series = [] }));
        XDocument.Parse(Draw(_chart with { Series = [new PlotSeries("one", [(5, 0)])] }));
    }

    [Fact]
    public void TicksAreRoundNumbers()
    {
        AxisScale linear = AxisScale.Create(new PlotAxis(""), [0.13, 0.94], 0, 100, 8);
        Assert.Equal([0, 0.2, 0.4, 0.6, 0.8, 1.0], linear.Ticks.Select(tick => Math.Round(tick, 9)));
        Assert.Equal(50, linear.Place(0.5), 9);

        AxisScale powers = AxisScale.Create(PlotAxis.Positions, [1, 1024, -1], 0, 100, 6);
        Assert.Equal([1, 4, 16, 64, 256, 1024], powers.Ticks);
        Assert.Equal(50, powers.Place(32), 9);
        Assert.False(powers.Holds(0));
    }

    private static IEnumerable<XElement> Elements(XDocument image, string name) =>
        image.Descendants().Where(element => element.Name.LocalName == name);

    private static string Draw(LineChart chart)
    {
        using MemoryStream stream = new();
        chart.Write(stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
