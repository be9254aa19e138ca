using MambaConnector.Cli.Evaluation;
using MambaConnector.Cli.Retrieval;
using MambaConnector.Documents;
using Moq;

namespace MambaConnector.Cli.Tests.Retrieval;

public sealed class RetrievalEvaluatorTests
{
    private static readonly RetrievalTask _task = new("The key is {key}.", "What is the key?");

    [Fact]
    public async Task WhatWaysShareIsReadTimedAndCountedOnce()
    {
        using MambaModel model = MambaModel.Load(MambaConnector.Models.Mamba2Chat.Path, new MambaModelOptions { ThreadCount = 1 });
        DocumentIndexOptions options = new() { Format = DocumentFormat.Text, MaxBytes = 0, MaxSectionBytes = long.MaxValue };
        RetrievalText text = new(DocumentPrompt.Create(model).EncodeBlock, ["One.\n\nTwo.\n\nThree.\n\nFour."]);
        RetrievalSettings settings = new(_task, [64], 1, 2, 1, 0);
        IRetrievalWay[] ways =
        [
            Way("text", RetrievalSource.Text, 16), Way("end", RetrievalSource.Index, 0), Way("end again", RetrievalSource.Index, 0),
            Way("sections", RetrievalSource.Sections, 0), Way("sections again", RetrievalSource.Sections, 0),
        ];
        RetrievalEvaluator evaluator = new(model, text, settings, options, ways, new ResumeFile(null, []));
        Assert.Equal([32, 128, 0, 128, 0], ways.Select(way => evaluator.TokensToRead()[way]));
        List<double> fractions = [];
        Mock<IProgress<WorkDone>> progress = new();
        progress.Setup(it => it.Report(It.IsAny<WorkDone>())).Callback((WorkDone done) => fractions.Add(done.Share * 288));

        IReadOnlyList<RetrievalAnswer> answers = await evaluator.RunAsync(progress.Object, CancellationToken.None);

        Assert.Equal([16, 80, 80, 144, 144, 160, 224, 224, 288, 288], fractions.Select(tokens => (int)Math.Round(tokens)));
        Assert.All(evaluator.TokensToRead().Values, tokens => Assert.Equal(0, tokens));
        double[] readSeconds = [.. ways.Select(way => answers.First(answer => answer.Way == way.Name).ReadSeconds)];
        Assert.Equal(0, readSeconds[0]);
        Assert.Equal(readSeconds[1], readSeconds[2]);
        Assert.True(readSeconds[3] > readSeconds[1]);
        Assert.Equal(readSeconds[3], readSeconds[4]);
    }

    private static IRetrievalWay Way(string name, RetrievalSource source, long tokens)
    {
        Mock<IRetrievalWay> way = new();
        way.Setup(it => it.Name).Returns(name);
        way.Setup(it => it.Source).Returns(source);
        way.Setup(it => it.TokensToRead(It.IsAny<long>())).Returns(tokens);
        way.Setup(it => it.AskAsync(
            It.IsAny<RetrievalDocument>(), It.IsAny<DocumentIndex?>(), _task.Question, It.IsAny<CancellationToken>())).ReturnsAsync("none");
        return way.Object;
    }
}
