using System.CommandLine;
using System.Globalization;
using MambaConnector.Documents;

namespace MambaConnector.Cli.Documents;

/// <summary>The document that a verb is about: its file, its index, and how it is read where there is none yet.</summary>
internal sealed class DocumentOptions
{
    private readonly Argument<string> _file = new("file") { Description = "The document: text, Markdown, HTML, or the text of a PDF." };
    private readonly Option<string?> _index = new("--index")
    {
        HelpName = "file",
        Description = "The document's index; made where it is not there. Default: one in the cache folder.",
    };

    private readonly Option<bool> _refresh = new("--refresh") { Description = "Read the document again, whatever index there is." };
    private readonly Option<int> _sectionTokens = new("--section-tokens")
    {
        HelpName = "n",
        DefaultValueFactory = _ => new DocumentIndexOptions().SectionTokens,
        Description = "Tokens of a section, about.",
    };

    private readonly Option<DocumentFormat> _format = new("--format")
    {
        HelpName = "name",
        Description = "How the document is written: auto, text, markdown or html. Default: auto.",
    };

    private readonly ModelOptions _model;
    private readonly PolicyOptions _policy;

    private DocumentOptions(Command command)
    {
        command.Add(_file);
        command.Add(_index);
        command.Add(_refresh);
        command.Add(_sectionTokens);
        command.Add(_format);
        _sectionTokens.MustBe(count => count is >= 64 and <= 65_536, "from 64 to 65536");
        _format.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, [.. Enum.GetNames<DocumentFormat>().Select(name => name.ToLowerInvariant())]);
        _model = ModelOptions.AddTo(command);
        _policy = PolicyOptions.AddTo(command);
    }

    /// <summary>Adds the argument and the options.</summary>
    public static DocumentOptions AddTo(Command command) => new(command);

    /// <summary>Opens the document's index, or reads the document into one.</summary>
    /// <exception cref="InvalidOperationException">The index is of another document, model or way of reading, or damaged; the message says what to
    /// do.</exception>
    /// <exception cref="IOException">Reading or writing failed.</exception>
    public async Task<OpenDocument> OpenAsync(ParseResult parsed, ToolConsole console, CancellationToken cancellationToken)
    {
        DocumentIndexOptions options = new()
        {
            SectionTokens = parsed.GetValue(_sectionTokens),
            Format = parsed.GetValue(_format),
            Policy = _policy.Get(parsed),
        };
        string file = parsed.GetValue(_file)!;
        await using FileStream source = File.OpenRead(file);
        MambaModel model = _model.Load(parsed, _policy.Describe(parsed, _model.ToOptions(parsed)) with { RollbackTokens = 0 });
        try
        {
            _ = model.Tokenizer;
            string? chosen = parsed.GetValue(_index);
            string index = chosen ?? DocumentCache.PathFor(
                file, model.Info.Fingerprint, options.SectionTokens.ToString(CultureInfo.InvariantCulture), options.Format.ToString(),
                options.Policy?.ToString() ?? "");
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(index))!);
            if (parsed.GetValue(_refresh))
            {
                // Whatever lies in the cache folder under this name is the tool's own.
                if (chosen is null && File.Exists(index) && !DocumentIndex.IsIndex(index))
                {
                    File.Delete(index);
                }

                DocumentIndex.Delete(index);
            }

            bool isThere = File.Exists(index);
            DocumentIndex read = await ReadAsync(model, source, index, chosen is null, options, console, cancellationToken);
            return new OpenDocument(_model.Name(parsed), file, model, read, !isThere);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static async Task<DocumentIndex> ReadAsync(
        MambaModel model, Stream source, string index, bool isCached, DocumentIndexOptions options, ToolConsole console,
        CancellationToken cancellationToken)
    {
        DocumentIndex? read = null;
        try
        {
            await console.WithNotedProgressAsync(
                "Reading",
                async progress => read = await DocumentIndex.ReadAsync(model, source, index, options, Noted(progress), cancellationToken));
            return read!;
        }
        catch (Exception exception) when (exception is DocumentChangedException or MambaStateMismatchException or MambaFormatException)
        {
            // A file that is no index is deleted in the cache folder alone.
            bool helps = exception is not MambaFormatException || (isCached ? File.Exists(index) : DocumentIndex.IsIndex(index));
            string advice = helps ? "--refresh reads the document again." : "Choose another --index.";
            throw new InvalidOperationException($"{exception.Message.TrimEnd('.')}. {advice}", exception);
        }
    }

    private static DelegateProgress<DocumentProgress> Noted(IProgress<WorkDone> progress) => new(done => progress.Report(new WorkDone(
        (done.Percent ?? 0) / 100,
        string.Create(
            CultureInfo.InvariantCulture,
            $"{done.Tokens:N0} tokens, {done.TokensPerSecond:N0}/s{(done.Remaining is { } left ? $@", {left:hh\:mm\:ss} left" : "")}"))));
}
