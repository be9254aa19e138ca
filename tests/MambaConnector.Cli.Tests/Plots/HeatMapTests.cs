using System.Text;
using System.Xml.Linq;
using MambaConnector.Cli.Plots;

namespace MambaConnector.Cli.Tests.Plots;

public sealed class HeatMapTests
{
    private static readonly HeatMap _map = new()
    {
        Title = "Passkey", XTitle = "length, tokens", YTitle = "depth", Value = new PlotAxis("share right"),
        Columns = ["1K", "2K", "4K"], Rows = ["25 %", "75 %"], Values = [[1, 1, 0.5], [0.25, double.NaN, 0]], Range = (0, 1),
    };

    [Fact]
    public void EqualNeighboursAreOnePieceAndWhatIsMissingHasNoColour()
    {
        XDocument image = XDocument.Parse(Draw(_map));

        Dictionary<string, string> cells = Elements(image, "path").ToDictionary(
            path => path.Attribute("fill")?.Value ?? path.Attribute("class")!.Value, path => path.Attribute("d")!.Value);
        Assert.Superset(new HashSet<string> { "#fde725", "#440154", "none" }, cells.Keys.ToHashSet());
        Assert.Equal(1, cells["#fde725"].Count(letter => letter == 'M'));
        Assert.Equal(5, cells.Count);
        IEnumerable<XElement> spelled = Elements(image, "text").Where(text => text.Attribute("class")?.Value is "dark" or "light");
        Assert.Equal(["1", "1", "0.5", "0.25", "0"], spelled.Select(text => text.Value));
    }

    [Fact]
    public void ALargeTableIsASmallFileWithoutText()
    {
        int[] rows = [.. Enumerable.Range(0, 288)], columns = [.. Enumerable.Range(0, 64)];
        double[][] values = [.. rows.Select(row => columns.Select(column => (double)(row * column / 2000)).ToArray())];
        string image = Draw(_map with
        {
            Columns = [.. columns.Select(column => $"{column}")], Rows = [.. rows.Select(row => $"{row}")], Values = values,
        });

        XDocument.Parse(image);
        Assert.InRange(image.Length, 1000, 120_000);
        Assert.DoesNotContain("class=\"light\"", image, StringComparison.Ordinal);
    }

    [Fact]
    public void ColoursRunFromTheFirstToTheLastAndStayThere()
    {
        Assert.Equal("#440154", ColourScale.Colour(ColourScale.Step(-1)));
        Assert.Equal("#fde725", ColourScale.Colour(ColourScale.Step(2)));
        Assert.Equal(ColourScale.Steps, Enumerable.Range(0, ColourScale.Steps).Select(ColourScale.Colour).Distinct().Count());
    }

    private static IEnumerable<XElement> Elements(XDocument image, string name) =>
        image.Descendants().Where(element => element.Name.LocalName == name);

    private static string Draw(HeatMap map)
    {
        using MemoryStream stream = new();
        map.Write(stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
