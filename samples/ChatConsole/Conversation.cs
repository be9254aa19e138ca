using System.Globalization;
using MambaConnector;

namespace ChatConsole;

/// <summary>The conversation, its branches, and the commands that act on them.</summary>
internal sealed class Conversation(MambaModel model, ChatSessionOptions options, IChatView view) : IDisposable
{
    private const string Help = """
        /new            forget everything and begin again
        /undo           take back the last message and its reply
        /fork           go on in a copy of this conversation
        /branch [n]     list the copies, or go to one
        /save FILE      save the conversation: text and state
        /load FILE      continue a saved one
        /stats          tokens held, bytes of state, speed
        /policy [TEXT]  what keeps the state healthy in a long conversation: show it, or set it (none, auto, window:4096, ...)
        /quit           end (Ctrl+D does too)
        Everything else is a message.
        """;

    private readonly List<ChatSession> _branches = [new ChatSession(model, options)];
    private int _current;

    private ChatSession Current => _branches[_current];

    /// <summary>Reads messages and commands until the input ends or someone wants to leave.</summary>
    /// <returns>Whether everything went well.</returns>
    public async Task<bool> RunAsync()
    {
        bool isGood = true;
        while (view.ReadLine(_branches.Count > 1 ? $"[{_current + 1}]" : "") is string line && line.Trim() != "/quit")
        {
            isGood &= await HandleAsync(line.Trim());
        }

        return isGood;
    }

    /// <summary>Sends a message and shows the reply.</summary>
    /// <returns>Whether it came to its end; false when Ctrl+C stopped it.</returns>
    public async Task<bool> ReplyAsync(string message)
    {
        using ReplyInterrupt interrupt = new();
        FinishReason? reason = null;
        try
        {
            await foreach (GeneratedToken token in Current.SendTokensAsync(message, null, interrupt.Token))
            {
                view.WriteReply(token.Text);
                reason = token.FinishReason;
            }

            view.EndReply();
            if (reason == FinishReason.Length)
            {
                view.Note($"(cut at {options.Generation?.MaxTokens} tokens; --max-tokens allows more)");
            }

            return true;
        }
        catch (OperationCanceledException)
        {
            view.EndReply();
            view.Note("(stopped; the message was taken back)");
            return false;
        }
    }

    public void Dispose() => _branches.ForEach(branch => branch.Dispose());

    private async Task<bool> HandleAsync(string line)
    {
        try
        {
            if (line.StartsWith('/'))
            {
                string[] words = line.Split(' ', 2, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
                Command(words[0], words.ElementAtOrDefault(1));
            }
            else if (line.Length > 0)
            {
                await ReplyAsync(line);
            }

            return true;
        }
        catch (Exception exception) when (ChatProgram.IsExpected(exception))
        {
            view.Fail(exception.Message);
            return false;
        }
    }

    private void Command(string name, string? argument)
    {
        switch (name)
        {
            case "/help":
                view.Note(Help);
                break;
            case "/new":
                Current.Reset();
                view.Note("A new conversation.");
                break;
            case "/undo":
                view.Note($"Taken back: {Current.Undo().Content}");
                break;
            case "/fork":
                _branches.Add(Current.Fork());
                _current = _branches.Count - 1;
                view.Note($"This is conversation {_current + 1} now; /branch goes back to another.");
                break;
            case "/branch":
                GoTo(argument);
                break;
            case "/save":
                Current.Save(RequireFile(name, argument));
                view.Note($"Saved to {argument}: {new FileInfo(argument!).Length:N0} bytes for {Current.Statistics.TokenCount:N0} tokens.");
                break;
            case "/load":
                Load(RequireFile(name, argument));
                view.Note($"Loaded {argument}: {Current.Transcript.Count} turns, {Current.Statistics.TokenCount:N0} tokens.");
                break;
            case "/stats":
                view.Note(Describe(Current.Statistics));
                break;
            case "/policy":
                Current.Policy = argument is null ? Current.Policy : LongContextPolicy.Parse(argument);
                view.Note($"The policy is {Current.Policy}.");
                break;
            default:
                throw new ArgumentException($"There is no command {name}; /help lists those there are.");
        }
    }

    private static string RequireFile(string name, string? argument) =>
        argument ?? throw new ArgumentException($"{name} needs a file, as in {name} talk.mamba.");

    private static string Describe(ChatStatistics statistics)
    {
        string held = string.Create(
            CultureInfo.InvariantCulture,
            $"""
            tokens held     {statistics.TokenCount:N0}
            state           {statistics.StateBytes:N0} bytes, at any length
            undo            {statistics.UndoCount} messages, {statistics.UndoBytes:N0} bytes
            """);
        return statistics.ReplyTokens == 0 ? held : string.Create(
            CultureInfo.InvariantCulture,
            $"""
            {held}
            last message    {statistics.PromptTokens} tokens read at {statistics.PrefillTokensPerSecond:N0} tokens/s (first token after {statistics.TimeToFirstToken.TotalMilliseconds:N0} ms)
            last reply      {statistics.ReplyTokens} tokens written at {statistics.DecodeTokensPerSecond:N0} tokens/s
            """);
    }

    private void Load(string path)
    {
        ChatSession loaded = ChatSession.Load(model, path, options);
        Current.Dispose();
        _branches[_current] = loaded;
    }

    private void GoTo(string? number)
    {
        if (number is not null)
        {
            _current = int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int branch) && branch >= 1 && branch <= _branches.Count
                ? branch - 1
                : throw new ArgumentException($"There is no conversation {number}; there are 1 to {_branches.Count}.");
        }

        for (int index = 0; index < _branches.Count; index++)
        {
            string last = _branches[index].Transcript.LastOrDefault(turn => turn.Role == ChatRoles.User)?.Content ?? "(empty)";
            view.Note($"{(index == _current ? '*' : ' ')} {index + 1}  {last}");
        }
    }
}
