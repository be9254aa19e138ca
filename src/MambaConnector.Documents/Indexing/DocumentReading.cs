using System.Diagnostics;
using System.Runtime.InteropServices;
using MambaConnector.Io;

namespace MambaConnector.Documents.Indexing;

/// <summary>One reading of a document, or of what is appended to one, up to the whole index.</summary>
/// <remarks>The model reads a section a call, so that states do not depend on where a reading was stopped.</remarks>
internal sealed class DocumentReading : IDisposable
{
    private readonly MambaModel _model;
    private readonly DocumentPrompt _prompt;
    private readonly DocumentIndexOptions _options;
    private readonly IndexIdentity _identity;
    private readonly LongContextPolicy _policy;
    private readonly byte[] _key;
    private readonly ReadingDirectory _directory;
    private readonly DocumentIndex? _base;
    private readonly List<SectionEntry> _sections = [];
    private readonly TokenDigest _digest = new();
    private readonly CheckpointPlan _plan;
    private readonly SectionBuilder _section;
    private readonly Stopwatch _time = new();
    private readonly long _origin;
    private readonly FileStream _text;
    private MambaSession? _session;
    private CollapseMonitor? _monitor;
    private long _tokens;
    private long _resumedTokens;
    private long _resumedBytes;

    // The checkpoint to go on from, and what those before it have read; -1: none.
    private int _resumeAt = -1;
    private readonly Dictionary<int, StateFile> _known = [];

    /// <param name="model">The model.</param>
    /// <param name="prompt">How the document stands in a conversation.</param>
    /// <param name="options">How to read.</param>
    /// <param name="identity">Both, as the index names them.</param>
    /// <param name="policy">Resolved for the model.</param>
    /// <param name="directory">Where what was read is kept meanwhile.</param>
    /// <param name="appendTo">The index of what comes before; null: nothing does.</param>
    public DocumentReading(
        MambaModel model, DocumentPrompt prompt, DocumentIndexOptions options, IndexIdentity identity, LongContextPolicy policy,
        ReadingDirectory directory, DocumentIndex? appendTo)
    {
        (_model, _prompt, _options, _identity, _policy, _directory, _base) = (model, prompt, options, identity, policy, directory, appendTo);
        _key = identity.Hash();
        _section = new SectionBuilder(options.SectionTokens);
        _session = CreateSession();
        _plan = new CheckpointPlan(Math.Max(1, options.MaxBytes / Math.Max(1, _session.StateBytes)), options.SectionTokens / 2);
        _text = CreateText();
        _tokens = prompt.Opening.Length;
        _digest.Add(prompt.Opening);
        _origin = appendTo?.Length ?? 0;
        try
        {
            if (appendTo is null)
            {
                FindCheckpoint();
            }
            else
            {
                directory.Clear(except: _text.Name);
                Continue(appendTo);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Reads to the end, and writes the index into <see cref="ReadingDirectory.IndexPath"/>.</summary>
    public async Task RunAsync(Stream document, IProgress<DocumentProgress>? progress, CancellationToken cancellationToken)
    {
        long? total = document.CanSeek ? document.Length - document.Position : null;
        await StartAsync(cancellationToken).ConfigureAwait(false);
        using HashingStream hashing = new(document);
        _time.Start();
        await foreach (DocumentBlock block in DocumentReader.ReadAsync(hashing, _options.Reader, cancellationToken).ConfigureAwait(false))
        {
            int[] tokens = _prompt.EncodeBlock(block.Text);
            if (_section.EndsBefore(block, tokens.Length))
            {
                await CompleteAsync(cancellationToken).ConfigureAwait(false);
                Report();
            }

            _section.Add(block, tokens, _origin);
        }

        if (!_section.IsEmpty)
        {
            await CompleteAsync(cancellationToken).ConfigureAwait(false);
        }

        if (_resumeAt >= 0)
        {
            throw Changed("is shorter");
        }

        WriteIndex(hashing.ToPart());
        Report();

        void Report() => progress?.Report(ProgressOf(total));
    }

    public void Dispose()
    {
        _session?.Dispose();
        _monitor?.Dispose();
        _digest.Dispose();
        _text.Dispose();
    }

    private FileStream CreateText()
    {
        try
        {
            return ReadingDirectory.Create(_directory.TextPath);
        }
        catch
        {
            _session?.Dispose();
            throw;
        }
    }

    private MambaSession CreateSession() => new(_model, _model.CreateState(_policy));

    /// <summary>Finds the newest checkpoint that is there with all that are to be kept before it.</summary>
    private void FindCheckpoint()
    {
        if (_options.MonitorActs)
        {
            _directory.Clear(except: _text.Name);
            return;
        }

        List<int> numbers = _directory.List();
        foreach (int number in numbers)
        {
            // Where a newer one is damaged, those that it made superfluous are gone.
            List<int> wanted = [.. _plan.Kept(numbers[0] + 1).Where(checkpoint => checkpoint <= number).Append(number).Distinct()];
            Dictionary<int, StateFile> known = [];
            foreach (int checkpoint in wanted)
            {
                if (_directory.TryRead(_key, checkpoint) is { } file)
                {
                    // Of those before only what they have read is of interest.
                    known.Add(checkpoint, checkpoint == number ? file : file with { State = default });
                }
            }

            if (known.Count == wanted.Count)
            {
                _resumeAt = number;
                foreach ((int checkpoint, StateFile file) in known)
                {
                    _known.Add(checkpoint, file);
                }

                return;
            }
        }
    }

    /// <summary>Takes up all that an index has.</summary>
    private void Continue(DocumentIndex index)
    {
        index.CopyText(_text);
        for (int section = 0; section < index.Sections.Count; section++)
        {
            _sections.Add(index.Entry(section));
            _digest.Add(index.GetTokens(section));
            _digest.AddBorder();
            _plan.Add(index.Sections[section]);
        }

        _tokens = index.TokenCount;
        if (index.Sections.Count > 0)
        {
            _section.Continue(index.Sections[^1]);
        }
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        if (_base is not null)
        {
            Replace(_base.OpenEnd());
        }
        else if (_resumeAt < 0)
        {
            await _session!.AppendAsync(_prompt.Opening.ToArray(), cancellationToken).ConfigureAwait(false);
        }

        Watch();
    }

    private void Watch()
    {
        if (_options.Monitor is { } options && _resumeAt < 0)
        {
            _monitor = new CollapseMonitor(_model, options);
            _session!.Monitor = _monitor;
        }
    }

    private void Replace(MambaSession session)
    {
        _session!.Dispose();
        _session = session;
    }

    private async Task CompleteAsync(CancellationToken cancellationToken)
    {
        DocumentSection section = _section.ToSection(_sections.Count, _tokens);
        int[] tokens = [.. _section.Tokens];
        byte[] content = SectionContent.Pack(_section.Blocks);
        if (_resumeAt < 0)
        {
            await _session!.AppendAsync(tokens, cancellationToken).ConfigureAwait(false);
        }

        _sections.Add(new SectionEntry(section, IndexFile.PrefixLength + _text.Position, content.Length, Crc32C.Of(content, [])));
        _text.Write(content);
        _digest.Add(tokens);
        _digest.AddBorder();
        _tokens = section.TokenEnd;
        _section.Next();
        if (_plan.Add(section))
        {
            AddCheckpoint(section);
        }
    }

    private void AddCheckpoint(DocumentSection section)
    {
        int number = _plan.Count - 1;
        if (_resumeAt < 0)
        {
            _directory.Write(_key, new StateFile(number, _digest.Current(), _session!.SaveState()));
            _directory.Keep(_plan.Kept(_plan.Count).Append(number).ToHashSet());
            return;
        }

        if (_known.TryGetValue(number, out StateFile? known) && !known.Digest.AsSpan().SequenceEqual(_digest.Current()))
        {
            throw Changed(FormattableString.Invariant($"is another before byte {section.End}"));
        }

        if (number == _resumeAt)
        {
            Replace(_model.LoadSession(known!.State.Span));
            (_resumeAt, _resumedTokens, _resumedBytes) = (-1, _tokens, section.End);
            _known.Clear();
            _time.Restart();
            Watch();
        }
    }

    private DocumentChangedException Changed(string how) => new(
        $"The document {how} than that of which a reading was stopped. To read this one from its beginning, delete the directory " +
        $"'{_directory.Path}'.");

    private void WriteIndex(DocumentPart part)
    {
        _text.Flush();
        List<StateEntry> states = [];
        using FileStream stream = ReadingDirectory.Create(_directory.IndexPath);
        IndexFile.Begin(stream);
        _text.Position = 0;
        _text.CopyTo(stream);
        foreach (int checkpoint in _plan.Kept(_plan.Count))
        {
            int border = _plan.BorderOf(checkpoint);
            if (border < _sections.Count - 1)
            {
                AddState(border, _base is not null && border < _base.Sections.Count ? _base.ReadState(border).Span
                    : _directory.TryRead(_key, checkpoint) is { } file ? file.State.Span
                    : throw new IOException($"The checkpoint {checkpoint} in '{_directory.Path}' has gone or is damaged. Read the document again."));
            }
        }

        AddState(_sections.Count - 1, _session!.SaveState());
        IReadOnlyList<DocumentPart> parts = _base is null ? [part] : [.. _base.Parts, part];
        IndexFile.End(stream, new IndexDirectory(_identity, _options.MaxSectionBytes, parts, _sections, states));
        stream.Flush(flushToDisk: true);

        void AddState(int border, ReadOnlySpan<byte> state)
        {
            states.Add(new StateEntry(border, stream.Position, state.Length));
            stream.Write(state);
        }
    }

    private DocumentProgress ProgressOf(long? total)
    {
        long bytes = _sections.Count == 0 ? _origin : _sections[^1].Section.End;
        double seconds = _time.Elapsed.TotalSeconds;
        long read = bytes - Math.Max(_origin, _resumedBytes);
        double rate = seconds > 0 && _resumeAt < 0 ? (_tokens - Math.Max(_resumedTokens, _base?.TokenCount ?? 0)) / seconds : 0;
        TimeSpan? remaining = total is { } all && read > 0 && _resumeAt < 0
            ? TimeSpan.FromSeconds(seconds * Math.Max(0, _origin + all - bytes) / read)
            : null;
        return new DocumentProgress(_tokens, bytes, total + _origin, _sections.Count, _section.Title, rate, remaining, _monitor?.Report);
    }
}
