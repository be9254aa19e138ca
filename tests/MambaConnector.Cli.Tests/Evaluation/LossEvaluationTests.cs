using System.IO.Compression;
using System.Text.Json;
using MambaConnector.Cli.Evaluation;

namespace MambaConnector.Cli.Tests.Evaluation;

public sealed class LossEvaluationTests
{
    private const int Length = 1000;
    private const int Width = 64;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WhatWasStoppedGoesOnToTheSameResult(bool savesAtEachPiece)
    {
        using TemporaryFolder folder = new();
        using MambaModel model = MambaModel.Load(TestFiles.Model("mamba2"));
        LongContextPolicy[] policies = [LongContextPolicy.None, LongContextPolicy.RestartWindow(64), LongContextPolicy.ForgetMore(0.99f)];

        string whole = Run(model, policies, null, int.MaxValue);
        string? resumed = null;
        int starts = 0;
        while (resumed is null)
        {
            resumed = RunOrStop(model, policies, folder.File("run"), 7, savesAtEachPiece);
            Assert.InRange(++starts, 1, 100);
        }

        Assert.True(starts > 3);
        Assert.Equal(whole, resumed);
        Assert.Equal(whole, Run(model, policies, folder.File("run"), 0));
        Assert.Equal(["run"], folder.Names);
    }

    [Fact]
    public void ARunUnderWayIsNotLostToOtherPolicies()
    {
        using TemporaryFolder folder = new();
        using MambaModel model = MambaModel.Load(TestFiles.Model("mamba2"));
        Assert.Null(RunOrStop(model, [LongContextPolicy.None], folder.File("run"), 7));
        byte[] before = File.ReadAllBytes(folder.File("run"));

        UsageException refusal = Assert.Throws<UsageException>(
            () => Run(model, [LongContextPolicy.RestartWindow(64)], folder.File("run"), int.MaxValue));

        Assert.Contains("none under way", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(folder.File("run")));
        Assert.Equal(
            Run(model, [LongContextPolicy.RestartWindow(64), LongContextPolicy.None], null, int.MaxValue),
            Run(model, [LongContextPolicy.RestartWindow(64), LongContextPolicy.None], folder.File("run"), int.MaxValue));
    }

    [Fact]
    public void AResumeFileWithoutItsPartsIsNoRun()
    {
        using TemporaryFolder folder = new();
        using (ZipArchive archive = ZipFile.Open(folder.File("run"), ZipArchiveMode.Create))
        using (StreamWriter writer = new(archive.CreateEntry("run.json").Open()))
        {
            writer.Write("{}");
        }

        InvalidDataException refusal = Assert.Throws<InvalidDataException>(
            () => new ResumeFile(folder.File("run"), []).Load(EvaluationJson.Default.ResumeStateLossRuns));
        Assert.Contains("no run to go on with", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void PoliciesThatDoNothingYetReadTheSame()
    {
        using MambaModel model = MambaModel.Load(TestFiles.Model("mamba2"));

        using JsonDocument runs = JsonDocument.Parse(Run(model, [LongContextPolicy.None, LongContextPolicy.RestartWindow(1024)], null, int.MaxValue));

        Assert.Equal(runs.RootElement[0].GetProperty("sums").GetRawText(), runs.RootElement[1].GetProperty("sums").GetRawText());
    }

    [Fact]
    public void ARunOfOtherTextIsNotGoneOnWith()
    {
        using TemporaryFolder folder = new();
        ResumeFile mine = new(folder.File("run"), ["text a"]), other = new(folder.File("run"), ["text b"]);
        mine.Save(new LossRuns(), null, EvaluationJson.Default.ResumeStateLossRuns);

        Assert.NotNull(mine.Load(EvaluationJson.Default.ResumeStateLossRuns));
        UsageException refusal = Assert.Throws<UsageException>(() => other.Load(EvaluationJson.Default.ResumeStateLossRuns));
        Assert.Contains("text b", refusal.Message, StringComparison.Ordinal);
        File.WriteAllText(folder.File("run"), "not a run");
        Assert.Throws<InvalidDataException>(() => mine.Load(EvaluationJson.Default.ResumeStateLossRuns));
    }

    private static string? RunOrStop(MambaModel model, LongContextPolicy[] policies, string path, int pieces, bool savesAtEachPiece = true)
    {
        try
        {
            return Run(model, policies, path, pieces, savesAtEachPiece);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    // Stops before more than so many pieces were read. All but the times it took.
    private static string Run(MambaModel model, LongContextPolicy[] policies, string? path, int pieces, bool savesAtEachPiece = true)
    {
        using CancellationTokenSource stop = new();
        Random random = new(3);
        TokenText text = new([.. Enumerable.Range(0, 300).Select(_ => random.Next(model.Info.VocabSize))]);
        LossEvaluator evaluator = new(model.Info.PaddedVocabSize, text, Length, Width, watchedLength: 256);
        TimeSpan saveEvery = savesAtEachPiece ? TimeSpan.Zero : TimeSpan.MaxValue;
        LossEvaluation evaluation = new(model, evaluator, Length, new ResumeFile(path, ["test"]), saveEvery);
        int count = 0;
        IReadOnlyList<LossRun> runs = evaluation.Run(
            [.. policies.Select(policy => new EvaluatedPolicy(policy.ToString(), policy))], new Reporter(Stop), stop.Token);
        foreach (LossRun run in runs)
        {
            Assert.Equal(Length, run.TokenCount);
            run.Seconds = 0;
        }

        ResumeState<LossRuns> state = new([], new LossRuns { Runs = [.. runs] });
        JsonElement document = JsonSerializer.SerializeToElement(state, EvaluationJson.Default.ResumeStateLossRuns);
        return document.GetProperty("run").GetProperty("runs").GetRawText();

        void Stop()
        {
            if (++count >= pieces)
            {
                stop.Cancel();
            }
        }
    }

    private sealed class Reporter(Action report) : IProgress<WorkDone>
    {
        public void Report(WorkDone value) => report();
    }
}
