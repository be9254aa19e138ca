using System.Text;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.LongContext;

public sealed class StateBaselineTests : IDisposable
{
    private static readonly MambaModelInfo Model = new ScriptedBackend(_ => 0, 8).ModelInfo;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mamba-baseline-");

    private string File => Path.Combine(_directory.FullName, "baseline.json");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void ComesBackFromItsFile()
    {
        StateBaseline baseline = new(
            "abc", 512, 4096, "text.txt, and \"newlines\"", [new LayerBaseline([1.5f, 2], [0, 1e-20f], [3, float.MaxValue]), new LayerBaseline([1, 2], [3, 4], [5, 6])]);
        baseline.Save(File);
        StateBaseline loaded = StateBaseline.Load(File);

        Assert.Equal(("abc", 512, 4096, "text.txt, and \"newlines\""), (loaded.Model, loaded.TrainingLength, loaded.Tokens, loaded.Source));
        Assert.Equal(2, loaded.Layers.Count);
        foreach ((LayerBaseline expected, LayerBaseline layer) in baseline.Layers.Zip(loaded.Layers))
        {
            Assert.Equal(expected.Norm.ToArray(), layer.Norm.ToArray());
            Assert.Equal(expected.Variance.ToArray(), layer.Variance.ToArray());
            Assert.Equal(expected.MaxAbs.ToArray(), layer.MaxAbs.ToArray());
        }

        using FileStream stream = System.IO.File.OpenRead(File);
        Assert.Equal(loaded.Source, StateBaseline.Load(stream).Source);
        Assert.Equal([File], Directory.GetFiles(_directory.FullName));
    }

    [Theory]
    [InlineData("", "does not hold a state's baseline")]
    [InlineData("null", "does not hold a state's baseline")]
    [InlineData("[]", "does not hold a state's baseline")]
    [InlineData("""{"model":"a","training_length":1,"tokens":1,"source":""}""", "layers")]
    [InlineData("""{"model":"a","training_length":1,"tokens":1,"source":"","layers":[]}""", "at least one layer")]
    [InlineData("""{"model":"a","training_length":0,"tokens":1,"source":"","layers":[{"norm":[1],"variance":[1],"max_abs":[1]}]}""", "trainingLength")]
    [InlineData("""{"model":"a","training_length":1,"tokens":1,"source":"","layers":[{"norm":[1],"variance":[1,2],"max_abs":[1]}]}""", "as many heads")]
    [InlineData("""{"model":"a","training_length":1,"tokens":1,"source":"","layers":[{"norm":[-1],"variance":[1],"max_abs":[1]}]}""", "not negative")]
    [InlineData("""{"model":"a","training_length":1,"tokens":1,"source":"","layers":[{"norm":[1],"variance":[1],"max_abs":[1],"x":2}]}""", "x")]
    public void WhatIsNoneIsRefusedWithTheReason(string text, string reason)
    {
        System.IO.File.WriteAllText(File, text);
        MambaFormatException exception = Assert.Throws<MambaFormatException>(() => StateBaseline.Load(File));
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
        Assert.Contains(File, exception.Message, StringComparison.Ordinal);
        using MemoryStream stream = new(Encoding.UTF8.GetBytes(text));
        Assert.Contains("The stream", Assert.Throws<MambaFormatException>(() => StateBaseline.Load(stream)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMissingFileIsMissing() => Assert.Throws<FileNotFoundException>(() => StateBaseline.Load(File));

    [Fact]
    public void OfAnotherModelOrShapeItIsRefused()
    {
        StateBaseline other = new("another", 512, 1, "", [new LayerBaseline([1], [1], [1])]);
        Assert.Contains("eval calibrate", Assert.Throws<MambaStateMismatchException>(() => other.CheckModel(Model)).Message, StringComparison.Ordinal);
        StateBaseline wide = new(Model.Fingerprint, 512, 1, "", [new LayerBaseline([1, 2], [1, 2], [1, 2])]);
        Assert.Contains("1 layers of 2 heads", Assert.Throws<MambaStateMismatchException>(() => wide.CheckModel(Model)).Message, StringComparison.Ordinal);
        new StateBaseline(Model.Fingerprint, 512, 1, "", [new LayerBaseline([1], [1], [1])]).CheckModel(Model);
    }

    [Fact]
    public void ABuilderKeepsTheLargestOfEachNumber()
    {
        StateBaselineBuilder builder = new(Model, 100);
        Assert.Throws<InvalidOperationException>(() => builder.Build(""));
        builder.Add(Sample(10, new HeadStatistics(1, 5, 2, 1, 1, 1, 0)));
        builder.Add(Sample(100, new HeadStatistics(3, 4, 1, 1, 1, 1, 0)));
        builder.AddTokens(100);
        StateBaseline baseline = builder.Build("here");

        Assert.Equal((Model.Fingerprint, 100, 100, "here"), (baseline.Model, baseline.TrainingLength, baseline.Tokens, baseline.Source));
        LayerBaseline layer = Assert.Single(baseline.Layers);
        Assert.Equal((3, 5, 2), (layer.Norm[0], layer.Variance[0], layer.MaxAbs[0]));
    }

    [Fact]
    public void ABuilderRefusesWhatIsNoHealthyStateOfItsModel()
    {
        StateBaselineBuilder builder = new(Model, 100);
        HeadStatistics head = new(1, 1, 1, 1, 1, 1, 0);
        Assert.Contains("101 tokens", Assert.Throws<ArgumentException>(() => builder.Add(Sample(101, head))).Message, StringComparison.Ordinal);
        Assert.Contains("2 heads", Assert.Throws<ArgumentException>(() => builder.Add(new StateStatistics(1, 1, [head, head]))).Message, StringComparison.Ordinal);
        Assert.Contains(
            "no number", Assert.Throws<ArgumentException>(() => builder.Add(Sample(1, head with { Norm = float.NaN }))).Message, StringComparison.Ordinal);
    }

    private static StateStatistics Sample(long position, HeadStatistics head) => new(position, 1, [head]);
}
