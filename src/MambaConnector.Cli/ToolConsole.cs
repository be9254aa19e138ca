using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Spectre.Console;

namespace MambaConnector.Cli;

/// <summary>Where the tool reads and writes.</summary>
/// <param name="In">Text that a verb asks for.</param>
/// <param name="Out">Results.</param>
/// <param name="Error">Progress and the sentence of a failure.</param>
/// <param name="IsInputTerminal">Whether a person types <paramref name="In"/>: only then is there a prompt to type at.</param>
/// <param name="IsErrorTerminal">Whether a person watches <paramref name="Error"/>: only then is progress drawn.</param>
internal sealed record ToolConsole(TextReader In, TextWriter Out, TextWriter Error, bool IsInputTerminal, bool IsErrorTerminal)
{
    private static readonly UTF8Encoding _utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>The process's own streams, in UTF-8 whatever the system's code page.</summary>
    public static ToolConsole System { get; } = new(
        new StreamReader(Console.OpenStandardInput(), _utf8),
        new StreamWriter(Console.OpenStandardOutput(), _utf8) { AutoFlush = true },
        new StreamWriter(Console.OpenStandardError(), _utf8) { AutoFlush = true },
        !Console.IsInputRedirected,
        !Console.IsErrorRedirected);

    /// <summary>Writes one JSON document and ends the line.</summary>
    public void WriteJson<T>(T document, JsonTypeInfo<T> type) => Out.WriteLine(JsonSerializer.Serialize(document, type));

    /// <summary>Does long work, with a progress bar where a person watches.</summary>
    /// <param name="title">What the work is called.</param>
    /// <param name="work">Reports the fraction done, 0 to 1.</param>
    public void WithProgress(string title, Action<IProgress<double>> work) => WithNotedProgress(
        title, progress => work(new DelegateProgress<double>(fraction => progress.Report(new WorkDone(fraction, "")))));

    /// <summary>Does long work, with a progress bar and a note beside it where a person watches.</summary>
    /// <param name="title">What the work is called.</param>
    /// <param name="work">Reports how far it has come.</param>
    public void WithNotedProgress(string title, Action<IProgress<WorkDone>> work)
    {
        if (!IsErrorTerminal)
        {
            work(new DelegateProgress<WorkDone>(static _ => { }));
            return;
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Error) });
        console.Progress().AutoClear(true).Start(context => work(Shown(title, context.AddTask(Markup.Escape(title), maxValue: 1))));
    }

    /// <summary>Does long work that waits, with a progress bar and a note beside it where a person watches.</summary>
    /// <param name="title">What the work is called.</param>
    /// <param name="work">Reports how far it has come.</param>
    public Task WithNotedProgressAsync(string title, Func<IProgress<WorkDone>, Task> work)
    {
        if (!IsErrorTerminal)
        {
            return work(new DelegateProgress<WorkDone>(static _ => { }));
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Error) });
        return console.Progress().AutoClear(true).StartAsync(context => work(Shown(title, context.AddTask(Markup.Escape(title), maxValue: 1))));
    }

    private static DelegateProgress<WorkDone> Shown(string title, ProgressTask task) => new(done =>
    {
        task.Value = done.Share;
        task.Description = Markup.Escape(done.Note.Length > 0 ? $"{title}: {done.Note}" : title);
    });
}
