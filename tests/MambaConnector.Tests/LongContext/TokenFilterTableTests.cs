namespace MambaConnector.Tests.LongContext;

public sealed class TokenFilterTableTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mamba-filter-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void ATableComesBackFromItsFile()
    {
        TokenFilterTable table = new(8192, [new TokenFilterRow(32768, [[0.1f, 0], [1e-7f, 3]]), new TokenFilterRow(16384, [[0, 0], [0, 1.5f]])]);
        string path = Path.Combine(_directory.FullName, "table.json");
        table.Save(path);

        Assert.Equal(table, TokenFilterTable.Load(path));
        Assert.Equal(table.GetHashCode(), TokenFilterTable.Load(path).GetHashCode());
        Assert.Equal(
            """{"training_length":8192,"rows":[{"length":16384,"thresholds":[[0,0],[0,1.5]]},{"length":32768,"thresholds":[[0.1,0],[1E-07,3]]}]}""",
            File.ReadAllText(path));
    }

    [Theory]
    [InlineData(1, 100)]
    [InlineData(100, 100)]
    [InlineData(101, 200)]
    [InlineData(200, 200)]
    [InlineData(201, 200)]
    public void TheLeastLengthThatReachesThePromptIsTaken(long prompt, long row) =>
        Assert.Equal(row, LongContextPolicyTests.Table().RowFor(prompt).Length);

    [Fact]
    public void RowsAreOfDifferentLengthsAndOneShape()
    {
        TokenFilterRow row = new(100, [[1, 1]]);
        Assert.Throws<ArgumentException>(() => new TokenFilterTable(50, []));
        Assert.Contains(
            "100 tokens twice", Assert.Throws<ArgumentException>(() => new TokenFilterTable(50, [row, row])).Message, StringComparison.Ordinal);
        Assert.Contains(
            "another shape", Assert.Throws<ArgumentException>(() => new TokenFilterTable(50, [row, new TokenFilterRow(200, [[1]])])).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new TokenFilterTable(0, [row]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TokenFilterRow(0, [[1]]));
    }
}
