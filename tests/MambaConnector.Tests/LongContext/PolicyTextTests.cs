namespace MambaConnector.Tests.LongContext;

public sealed class PolicyTextTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mamba-policy-");

    public void Dispose() => _directory.Delete(recursive: true);

    public static TheoryData<string, LongContextPolicy> Texts => new()
    {
        { "none", LongContextPolicy.None },
        { "auto", LongContextPolicy.Auto },
        { "window:4096", LongContextPolicy.RestartWindow(4096) },
        { "difference:128", LongContextPolicy.DifferenceWindow(128) },
        { "forget:0.9999", LongContextPolicy.ForgetMore(0.9999f) },
        { "forget:0.9999,0.75", LongContextPolicy.ForgetMore(0.9999f, 0.75f) },
        { "delta:0.5", LongContextPolicy.DeltaScale(0.5f) },
        { "delta:0.5,0.25,1.5", LongContextPolicy.DeltaScale(0.5f, 0.25f, 1.5f) },
        { "decay:1.25", LongContextPolicy.DecayScale(1.25f) },
    };

    [Theory]
    [MemberData(nameof(Texts))]
    public void TextsAndPoliciesGoBothWays(string text, LongContextPolicy policy)
    {
        Assert.Equal(policy, LongContextPolicy.Parse(text));
        Assert.Equal(text, policy.ToString());
        Assert.True(LongContextPolicy.TryParse($" {text.ToUpperInvariant()} ", out LongContextPolicy? parsed));
        Assert.Equal(policy, parsed);
    }

    [Fact]
    public void FilesHoldWhatHeadsAndLayersHave()
    {
        string scales = File("scales.json", "[0.5, 1, 2]");
        Assert.Equal(LongContextPolicy.DeltaScale(0.5f, 1, 2), LongContextPolicy.Parse($"delta:{scales}"));
        Assert.Equal(LongContextPolicy.DecayScale(0.5f, 1, 2), LongContextPolicy.Parse($"decay:{scales}"));

        string table = Path.Combine(_directory.FullName, "table.json");
        LongContextPolicyTests.Table().Save(table);
        Assert.Equal(LongContextPolicy.TokenFilter(LongContextPolicyTests.Table()), LongContextPolicy.Parse($"filter:{table}"));

        string baseline = Path.Combine(_directory.FullName, "base,line.json");
        new StateBaseline("model", 64, 64, "text", [new LayerBaseline([1, 2], [0, 0], [1, 1])]).Save(baseline);
        Assert.Equal(LongContextPolicy.StateNorm([[1, 2]]), LongContextPolicy.Parse($"norm:{baseline}"));
        Assert.Equal(LongContextPolicy.StateNorm([[1, 2]], 0.5f), LongContextPolicy.Parse($"norm:{baseline}, 0.5"));
    }

    [Theory]
    [InlineData("", "use none, auto, window:TOKENS")]
    [InlineData("windw:64", "use none, auto, window:TOKENS")]
    [InlineData("none:1", "use none, auto")]
    [InlineData("window", "use none, auto")]
    [InlineData("window:", "window:TOKENS with a positive multiple of 64")]
    [InlineData("window:100", "window:TOKENS with a positive multiple of 64")]
    [InlineData("window:-64", "window:TOKENS with a positive multiple of 64")]
    [InlineData("difference:4k", "difference:TOKENS with a positive multiple of 64")]
    [InlineData("forget:", "forget:RETENTION,INSERTION")]
    [InlineData("forget:0.5,0.5,0.5", "forget:RETENTION,INSERTION")]
    [InlineData("forget:2", "above 0 and at most 1")]
    [InlineData("delta:", "delta:SCALE")]
    [InlineData("delta:0", "delta:SCALE")]
    [InlineData("decay:1,-1", "decay:SCALE")]
    [InlineData("norm:", "norm:FILE,SCALE")]
    [InlineData("filter:", "filter:FILE")]
    public void WhatIsNoPolicyNamesTheForm(string text, string form)
    {
        FormatException exception = Assert.Throws<FormatException>(() => LongContextPolicy.Parse(text));
        Assert.StartsWith($"'{text}' is no long-context policy; use ", exception.Message, StringComparison.Ordinal);
        Assert.Contains(form, exception.Message, StringComparison.Ordinal);
        Assert.False(LongContextPolicy.TryParse(text, out LongContextPolicy? policy));
        Assert.Null(policy);
    }

    [Theory]
    [InlineData("delta", "{}")]
    [InlineData("decay", "[1, \"2\"]")]
    [InlineData("decay", "null")]
    [InlineData("norm", "[]")]
    [InlineData("filter", "[]")]
    [InlineData("filter", "{\"training_length\": 8, \"rows\": []}")]
    [InlineData("filter", "{\"training_length\": 8, \"rows\": [null]}")]
    [InlineData("filter", "{\"training_length\": 8, \"rows\": [{\"length\": 16, \"thresholds\": [null]}]}")]
    [InlineData("filter", "{\"training_length\": 8, \"rows\": [{\"length\": 16, \"thresholds\": [[-1]]}]}")]
    [InlineData("filter", "{\"training_length\": 0, \"rows\": [{\"length\": 16, \"thresholds\": [[1]]}]}")]
    [InlineData("filter", "{\"rows\": [{\"length\": 16, \"thresholds\": [[1]]}]}")]
    public void AFileThatHoldsSomethingElseIsNamed(string kind, string content)
    {
        string path = File("file.json", content);
        MambaFormatException exception = Assert.Throws<MambaFormatException>(() => LongContextPolicy.Parse($"{kind}:{path}"));
        Assert.Contains($"'{path}' does not hold", exception.Message, StringComparison.Ordinal);
        Assert.False(LongContextPolicy.TryParse($"{kind}:{path}", out _));
    }

    [Fact]
    public void AFileThatIsNotThereIsNamed()
    {
        string path = Path.Combine(_directory.FullName, "none.json");
        Assert.Equal(path, Assert.Throws<FileNotFoundException>(() => LongContextPolicy.Parse($"filter:{path}")).FileName);
        Assert.False(LongContextPolicy.TryParse($"norm:{path}", out _));
    }

    private string File(string name, string content)
    {
        string path = Path.Combine(_directory.FullName, name);
        System.IO.File.WriteAllText(path, content);
        return path;
    }
}
