namespace MambaConnector.ChatClient;

/// <summary>Chooses where a prompt's states are kept: where other prompts are likely to part from it.</summary>
internal static class SnapshotBorders
{
    // A copy costs about what reading some tens of tokens costs, and a cut off the chunk grid a little more.
    private const int Nearest = 64;
    private const int Interval = 2048;

    /// <summary>The end of the prompt (the same prompt again, or its reply in other words), the last border before its last turn (another last
    /// message), the first (other conversations with the same instructions), and one every <see cref="Interval"/> tokens.</summary>
    /// <param name="borders">Ends of turns, ascending.</param>
    /// <param name="length">Of the prompt.</param>
    /// <param name="covered">Where reading begins.</param>
    public static int[] Choose(IReadOnlyList<int> borders, int length, int covered)
    {
        SortedSet<int> chosen = [];
        int last = 0;
        for (int index = 0; index < borders.Count; index++)
        {
            bool isSplit = index == 0 || index == borders.Count - 2;
            if (borders[index] - last >= (isSplit ? Nearest : Interval))
            {
                chosen.Add(last = borders[index]);
            }
        }

        chosen.RemoveWhere(border => border <= covered || length - border < Nearest);
        if (length > covered)
        {
            chosen.Add(length);
        }

        return [.. chosen];
    }
}
