using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using MambaConnector.Documents.Indexing;
using MambaConnector.Io;
using Microsoft.Win32.SafeHandles;

namespace MambaConnector.Documents;

/// <summary>A document that a model has read once: its sections, its text, and the model's states behind them, in a file. Sessions that have read the
/// document are opened from it without reading it again.</summary>
/// <remarks>Thread-safe, but for <see cref="AppendAsync"/> and <see cref="Dispose"/>. docs/documents.md describes the file.</remarks>
public sealed class DocumentIndex : IDisposable
{
    private readonly DocumentIndexOptions _options;
    private readonly SectionStates _sectionStates;
    private SafeFileHandle _file;
    private IndexDirectory _directory;

    private DocumentIndex(MambaModel model, string path, SafeFileHandle file, DocumentIndexOptions? options)
    {
        _file = file;
        _directory = IndexFile.ReadDirectory(file, path);
        IndexIdentity identity = _directory.Identity;
        if (identity.Model != model.Info.Fingerprint)
        {
            throw new MambaStateMismatchException(
                MambaErrorCode.Mismatch,
                $"The index '{path}' was read by another model than '{model.Name}'. Open it with that model, or read the document again to another " +
                "path.");
        }

        Model = model;
        Path = path;
        _options = options ?? new DocumentIndexOptions
        {
            Format = identity.Format,
            SectionTokens = identity.SectionTokens,
            MaxBytes = identity.MaxBytes,
            MaxSectionBytes = _directory.MaxSectionBytes,
            Prompt = new DocumentPromptOptions { Instructions = identity.Instructions, Introduction = identity.Introduction },
        };
        Prompt = DocumentPrompt.Create(model, _options.Prompt);
        if (!Prompt.Opening.SequenceEqual(identity.Opening))
        {
            throw new MambaStateMismatchException(
                MambaErrorCode.Mismatch,
                $"The index '{path}' was read with another chat template or tokenizer. Load the model as it was then, or read the document again " +
                "to another path.");
        }

        Sections = [.. _directory.Sections.Select(entry => entry.Section)];
        _sectionStates = new SectionStates(System.IO.Path.GetFullPath(path), _options.MaxSectionBytes);
        using MambaSession end = OpenEnd();
        Policy = end.Policy;
    }

    /// <summary>The model.</summary>
    public MambaModel Model { get; }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>How the document stands in a conversation: how a question is asked behind it.</summary>
    public DocumentPrompt Prompt { get; }

    /// <summary>The policy that its sessions have.</summary>
    public LongContextPolicy Policy { get; }

    /// <summary>Bytes of the document.</summary>
    public long Length => _directory.Parts.Sum(part => part.Length);

    /// <summary>What identifies the document: the SHA-256 of its bytes, in lower-case hexadecimal; of one that was appended to, that of the lengths
    /// and hashes of its parts.</summary>
    public string Hash => _directory.Parts is [var only]
        ? only.Hash
        : Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(
            string.Concat(_directory.Parts.Select(part => string.Create(CultureInfo.InvariantCulture, $"{part.Length} {part.Hash}\n"))))));

    /// <summary>Tokens of the document and of the opening before it.</summary>
    public long TokenCount => Sections.Count == 0 ? Prompt.Opening.Length : Sections[^1].TokenEnd;

    /// <summary>The sections, in the document's order; none where it has no text.</summary>
    public IReadOnlyList<DocumentSection> Sections { get; private set; }

    /// <summary>Reads a document, at prefill speed and with memory that does not grow with it, and writes its index. What a reading that was stopped,
    /// in whatever way, has left beside <paramref name="indexPath"/> is taken up; the index is the same, byte for byte, as if it had never been
    /// stopped.</summary>
    /// <param name="model">A model with a tokenizer.</param>
    /// <param name="document">Read from its position to its end; left open. Where there is an index already, it is only compared.</param>
    /// <param name="indexPath">The index. Its directory has to exist.</param>
    /// <param name="options">How to read; null: as <see cref="DocumentIndexOptions"/> begins.</param>
    /// <param name="progress">Told after each section.</param>
    /// <param name="cancellationToken">Ends the reading. What was read is kept: the next call goes on from there.</param>
    /// <exception cref="ArgumentException">An option is out of its range or does not fit the model.</exception>
    /// <exception cref="NotSupportedException">The model's device does not have the policy.</exception>
    /// <exception cref="DocumentChangedException">The index, or what was begun of it, is of another document.</exception>
    /// <exception cref="MambaFormatException">The index is damaged or of a later version, or the model has no tokenizer.</exception>
    /// <exception cref="MambaStateMismatchException">The index is of another model, or was read with other options.</exception>
    /// <exception cref="IOException">Reading or writing failed, or another process reads into the index.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task<DocumentIndex> ReadAsync(
        MambaModel model, Stream document, string indexPath, DocumentIndexOptions? options = null, IProgress<DocumentProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(document);
        ArgumentException.ThrowIfNullOrEmpty(indexPath);
        options ??= new DocumentIndexOptions();
        options.Check();
        LongContextPolicy policy = (options.Policy ?? model.Policy).Resolve(model.Info);
        DocumentPrompt prompt = DocumentPrompt.Create(model, options.Prompt);
        IndexIdentity identity = IndexIdentity.Create(model, prompt, options, policy);
        if (File.Exists(indexPath))
        {
            // Of an index that is whole everybody may read at once, also where nobody may write.
            return await CompareAsync().ConfigureAwait(false);
        }

        using ReadingDirectory directory = ReadingDirectory.Open(indexPath);
        try
        {
            if (File.Exists(indexPath))
            {
                return await CompareAsync().ConfigureAwait(false);
            }

            using DocumentReading reading = new(model, prompt, options, identity, policy, directory, appendTo: null);
            await reading.RunAsync(document, progress, cancellationToken).ConfigureAwait(false);
            File.Move(directory.IndexPath, indexPath);
            return OpenFile(model, indexPath, options);
        }
        finally
        {
            // What a reading that was stopped has read stays for the next.
            if (File.Exists(indexPath) || directory.List().Count == 0)
            {
                directory.TryDelete();
            }
        }

        async Task<DocumentIndex> CompareAsync()
        {
            DocumentIndex index = OpenFile(model, indexPath, options);
            try
            {
                index.CheckIdentity(identity, policy);
                await index.VerifyAsync(document, cancellationToken).ConfigureAwait(false);
                return index;
            }
            catch
            {
                index.Dispose();
                throw;
            }
        }
    }

    /// <summary>Opens an index.</summary>
    /// <param name="model">The model that read it.</param>
    /// <param name="indexPath">The index.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="MambaFormatException">It is no index, damaged, or of a later version.</exception>
    /// <exception cref="MambaStateMismatchException">It is of another model.</exception>
    /// <exception cref="IOException">Reading failed.</exception>
    public static DocumentIndex Open(MambaModel model, string indexPath)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrEmpty(indexPath);
        return OpenFile(model, indexPath, null);
    }

    /// <summary>Whether a file is there and begins as an index does.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static bool IsIndex(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return File.Exists(path) && IndexFile.IsIndex(path);
    }

    /// <summary>Deletes an index, and all that is kept beside it: what a stopped reading left, states of sections, summaries. What is not there is no
    /// error.</summary>
    /// <param name="indexPath">The index; not open.</param>
    /// <exception cref="MambaFormatException">The file is no index; it stays.</exception>
    /// <exception cref="IOException">Deleting failed, or a process reads into the index.</exception>
    public static void Delete(string indexPath)
    {
        ArgumentException.ThrowIfNullOrEmpty(indexPath);
        string path = System.IO.Path.GetFullPath(indexPath);
        if (!Directory.Exists(System.IO.Path.GetDirectoryName(path)))
        {
            return;
        }

        if (File.Exists(path) && !IndexFile.IsIndex(path))
        {
            throw new MambaFormatException(MambaErrorCode.BadFormat, $"'{indexPath}' is no index of a document, so it is not deleted.");
        }

        using (ReadingDirectory directory = ReadingDirectory.Open(path))
        {
            directory.Delete();
        }

        SectionStates.Delete(path);
        File.Delete(path);
        File.Delete(path + ".summaries");
    }

    /// <summary>Checks that a document is the one that was read.</summary>
    /// <param name="document">Read from its position to its end; left open.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="DocumentChangedException">It is another.</exception>
    public async Task VerifyAsync(Stream document, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(document);
        byte[] buffer = new byte[64 * 1024];
        foreach (DocumentPart part in _directory.Parts)
        {
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            long left = part.Length;
            while (left > 0)
            {
                int count = await document.ReadAsync(buffer.AsMemory(0, (int)Math.Min(left, buffer.Length)), cancellationToken).ConfigureAwait(false);
                if (count == 0)
                {
                    throw Changed("is shorter");
                }

                hash.AppendData(buffer.AsSpan(0, count));
                left -= count;
            }

            if (Convert.ToHexStringLower(hash.GetHashAndReset()) != part.Hash)
            {
                throw Changed("is another");
            }
        }

        if (await document.ReadAsync(buffer.AsMemory(0, 1), cancellationToken).ConfigureAwait(false) > 0)
        {
            throw new DocumentChangedException(
                $"The document has grown since the index '{Path}' was read. AppendAsync reads what was added; or read it again to another path, or " +
                "delete the index.");
        }
    }

    /// <summary>Reads what was added to the document's end, and only that. The index is as before where it fails or is cancelled.</summary>
    /// <param name="more">What was added: whole lines, in the document's format. Read from its position to its end; left open.</param>
    /// <param name="progress">Told after each section.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="IOException">Reading or writing failed, another process reads into the index, or another instance has appended to it or read
    /// it anew since this one was opened: open it again.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task AppendAsync(Stream more, IProgress<DocumentProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(more);
        using ReadingDirectory directory = ReadingDirectory.Open(Path);
        try
        {
            using (SafeFileHandle now = OpenHandle(Path))
            {
                if (!IndexFile.ReadHash(now, Path).AsSpan().SequenceEqual(IndexFile.ReadHash(_file, Path)))
                {
                    throw new IOException($"The index '{Path}' is another than when it was opened: open it again.");
                }
            }

            using DocumentReading reading = new(Model, Prompt, _options, _directory.Identity, Policy, directory, appendTo: this);
            await reading.RunAsync(more, progress, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            directory.TryDelete();
            throw;
        }

        _file.Dispose();
        try
        {
            File.Move(directory.IndexPath, Path, overwrite: true);
        }
        finally
        {
            // The new one, or the old one where it could not be replaced.
            _file = OpenHandle(Path);
            directory.TryDelete();
        }

        _directory = IndexFile.ReadDirectory(_file, Path);
        Sections = [.. _directory.Sections.Select(entry => entry.Section)];
    }

    /// <summary>The text of a section, without the source: its blocks, with blank lines between them.</summary>
    /// <param name="section">Its index.</param>
    /// <exception cref="MambaFormatException">The index is damaged.</exception>
    public string GetText(int section) => string.Join("\n\n", GetBlocks(section));

    /// <summary>The tokens of a section, as they were read: none of them is a control token.</summary>
    /// <param name="section">Its index.</param>
    /// <exception cref="MambaFormatException">The index is damaged.</exception>
    public int[] GetTokens(int section) => [.. GetBlocks(section).SelectMany(Prompt.EncodeBlock)];

    /// <summary>A session that has read the whole document, ready for <see cref="DocumentPrompt.Close"/>. The caller's.</summary>
    /// <exception cref="MambaFormatException">The index is damaged.</exception>
    /// <exception cref="MambaOutOfMemoryException">There is not enough memory for another state.</exception>
    public MambaSession OpenEnd() => Load(_directory.States[^1]);

    /// <summary>A session that has read the document to the end of a section. The caller's.</summary>
    /// <remarks>Where that state is not kept (<see cref="DocumentIndexOptions.MaxBytes"/>), the text behind the nearest one before is read again, to
    /// the same bits. No monitor watches then: behind one that has changed the state (<see cref="DocumentIndexOptions.Monitor"/>) the bits are
    /// others, and a text that is read from its beginning is under <see cref="Policy"/>, that of the document's end.</remarks>
    /// <param name="section">Its index.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <inheritdoc cref="OpenEnd" path="/exception"/>
    public MambaSession OpenBorder(int section, CancellationToken cancellationToken = default)
    {
        CheckSection(section);
        StateEntry? kept = _directory.States.LastOrDefault(state => state.Border <= section);
        MambaSession session = kept is null ? OpenOpening(cancellationToken) : Load(kept);
        try
        {
            for (int next = (kept?.Border ?? -1) + 1; next <= section; next++)
            {
                session.Append(GetTokens(next), cancellationToken);
            }

            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>A session that has read a section alone, behind the opening of the prompt. The caller's.</summary>
    /// <remarks>The first time it is read; then its state is kept beside the index, within
    /// <see cref="DocumentIndexOptions.MaxSectionBytes"/>.</remarks>
    /// <param name="section">Its index.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <inheritdoc cref="OpenEnd" path="/exception"/>
    public MambaSession OpenSection(int section, CancellationToken cancellationToken = default)
    {
        CheckSection(section);
        int[] tokens = GetTokens(section);
        using TokenDigest digest = new();
        digest.Add(tokens);
        if (_sectionStates.TryRead(Key, section, digest.Current()) is { } state)
        {
            return Model.LoadSession(state.Span);
        }

        MambaSession session = OpenOpening(cancellationToken);
        try
        {
            session.Append(tokens, cancellationToken);
            _sectionStates.Keep(Key, new StateFile(section, digest.Current(), session.SaveState()));
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Reads every section alone, as far as their states can be kept (<see cref="DocumentIndexOptions.MaxSectionBytes"/>), so that the first
    /// question to sections does not. It takes about as long as reading the document did.</summary>
    /// <param name="progress">Told the part of the sections that is read, 0 to 1.</param>
    /// <param name="cancellationToken">Ends it. States that are kept stay.</param>
    /// <inheritdoc cref="OpenEnd" path="/exception"/>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public Task PrepareSectionsAsync(IProgress<double>? progress = null, CancellationToken cancellationToken = default) => Task.Run(
        () =>
        {
            for (int section = 0; section < Sections.Count; section++)
            {
                OpenSection(section, cancellationToken).Dispose();
                progress?.Report((section + 1.0) / Sections.Count);
            }
        },
        cancellationToken);

    /// <summary>A session that has read a text of another source, behind the opening of the prompt. The caller's.</summary>
    internal MambaSession OpenPassage(string text, CancellationToken cancellationToken)
    {
        MambaSession session = OpenOpening(cancellationToken);
        try
        {
            session.Append(Prompt.EncodeBlock(text), cancellationToken);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Closes the file. Sessions that were opened from it live on.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>What its states follow from: the document, and all that it was read with. SHA-256.</summary>
    internal byte[] Key => SHA256.HashData([.. _directory.Identity.Hash(), .. Encoding.UTF8.GetBytes($"{Hash} {ReadingText.Of(Policy)}")]);

    internal IReadOnlyList<DocumentPart> Parts => _directory.Parts;

    internal SectionEntry Entry(int section) => _directory.Sections[section];

    /// <summary>The blocks of a section, as they were read.</summary>
    internal string[] GetBlocks(int section)
    {
        CheckSection(section);
        SectionEntry entry = _directory.Sections[section];
        byte[] packed = new byte[entry.Length];
        IndexFile.Read(_file, packed, entry.Offset, Path);
        return Crc32C.Of(packed, []) == entry.Checksum && SectionContent.Unpack(packed) is { } blocks ? blocks : throw IndexFile.Damaged(Path);
    }

    /// <summary>A state that is kept.</summary>
    internal ReadOnlyMemory<byte> ReadState(int border) => ReadState(_directory.States.First(state => state.Border == border));

    /// <summary>Copies the texts of all sections.</summary>
    internal void CopyText(Stream destination)
    {
        foreach (SectionEntry entry in _directory.Sections)
        {
            byte[] packed = new byte[entry.Length];
            IndexFile.Read(_file, packed, entry.Offset, Path);
            destination.Write(packed);
        }
    }

    private static DocumentIndex OpenFile(MambaModel model, string path, DocumentIndexOptions? options)
    {
        SafeFileHandle file = OpenHandle(path);
        try
        {
            return new DocumentIndex(model, path, file, options);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static SafeFileHandle OpenHandle(string path) => File.OpenHandle(path, share: FileShare.Read | FileShare.Delete);

    private void CheckIdentity(IndexIdentity identity, LongContextPolicy policy)
    {
        // A monitor may have changed the policy.
        if (!identity.Hash().AsSpan().SequenceEqual(_directory.Identity.Hash()) || (!_options.MonitorActs && Policy != policy))
        {
            throw new MambaStateMismatchException(
                MambaErrorCode.Mismatch,
                $"The index '{Path}' was read with other options (format, sections, bytes, prompt, policy or monitor). Open it with DocumentIndex.Open, " +
                "read to another path, or delete it.");
        }
    }

    private DocumentChangedException Changed(string how) => new(
        $"The document {how} than the one that the index '{Path}' was read from. Read it to another path, or delete the index.");

    private void CheckSection(int section)
    {
        if ((uint)section >= (uint)Sections.Count)
        {
            throw new ArgumentOutOfRangeException(
                nameof(section), section, $"There is no section {section}: the document has {Sections.Count}, counted from 0.");
        }
    }

    private MambaSession OpenOpening(CancellationToken cancellationToken)
    {
        MambaSession session = new(Model, Model.CreateState(Policy));
        try
        {
            session.Append(Prompt.Opening, cancellationToken);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    private MambaSession Load(StateEntry entry)
    {
        try
        {
            return Model.LoadSession(ReadState(entry).Span);
        }
        catch (MambaFormatException exception)
        {
            throw IndexFile.Damaged(Path, exception);
        }
    }

    private ReadOnlyMemory<byte> ReadState(StateEntry entry)
    {
        byte[] state = new byte[entry.Length];
        IndexFile.Read(_file, state, entry.Offset, Path);
        return state;
    }
}
