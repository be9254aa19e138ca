using System.Globalization;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.EndToEnd;

public sealed class MatrixUnitsTests
{
    [Fact]
    public async Task AThreadThatEvaluatedSurvivesANullReference()
    {
        // In a process of its own: where this fails, it ends the process.
        string caught = await OwnProcess.RunAsync(MatrixUnits.Command);
        Assert.Equal((2 * MatrixUnits.Threads * MatrixUnits.Rounds).ToString(CultureInfo.InvariantCulture), caught);
    }
}
