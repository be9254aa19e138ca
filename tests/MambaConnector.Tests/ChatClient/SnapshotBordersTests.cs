using MambaConnector.ChatClient;

namespace MambaConnector.Tests.ChatClient;

public class SnapshotBordersTests
{
    [Fact]
    public void EndAndTheBordersThatPromptsPartAtAreKept() =>
        Assert.Equal([100, 900, 1_000], SnapshotBorders.Choose([100, 200, 900, 990], 1_000, covered: 0));

    [Fact]
    public void ALongHistoryIsKeptNowAndThen() =>
        Assert.Equal(
            [100, 3_000, 5_500, 9_900, 10_000],
            SnapshotBorders.Choose([100, 1_000, 3_000, 4_000, 5_500, 6_000, 9_900, 9_950], 10_000, covered: 0).Where(border => border != 9_000));

    [Fact]
    public void WhatIsCoveredIsNotKeptAgain() =>
        Assert.Equal([900, 1_000], SnapshotBorders.Choose([100, 200, 900, 990], 1_000, covered: 150));

    [Fact]
    public void AShortPromptIsKeptOnce() => Assert.Equal([30], SnapshotBorders.Choose([10, 20, 25], 30, covered: 0));

    [Fact]
    public void ACoveredPromptKeepsNothing() => Assert.Empty(SnapshotBorders.Choose([10, 20, 25], 30, covered: 30));
}
