using System.Text;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Tests;

public sealed class CsvTableTests
{
    [Fact]
    public void QuotesWhatNeedsQuotesAndLeavesEmptyWhatIsMissing()
    {
        CsvTable table = new("policy", "loss");
        table.AddRow("forget-more:0.9,1", 0.1);
        table.AddRow("say \"no\"", double.NaN);
        table.AddRow(null, 3L);
        table.AddRows(Enumerable.Range(4, 2).Select(number => new object?[] { "later", number }));

        using MemoryStream stream = new();
        table.Write(stream);
        Assert.Equal(
            "policy,loss\n\"forget-more:0.9,1\",0.1\n\"say \"\"no\"\"\",\n,3\nlater,4\nlater,5\n", Encoding.UTF8.GetString(stream.ToArray()));
        Assert.Throws<ArgumentException>(() => table.AddRow(1));
        table.AddRows([[1]]);
        Assert.Throws<ArgumentException>(() => table.Write(stream));
    }
}
