using MambaConnector.Backend;
using MambaConnector.LongContext;
using MambaConnector.Models;
using MambaConnector.Native;
using NativeShape = MambaConnector.Native.Generated.MambaShape;

namespace MambaConnector;

/// <summary>A Mamba model, loaded on a device.</summary>
/// <remarks>Thread-safe: any number of sessions may run at once; their evaluations take turns. Sessions keep what they need of the model
/// alive, so model and sessions may be disposed in any order.</remarks>
public sealed class MambaModel : IDisposable
{
    private readonly IInferenceBackend _backend;
    private readonly MambaModelDescription _description;

    internal MambaModel(IInferenceBackend backend, Checkpoint checkpoint, MambaModelOptions options, string? path = null)
    {
        _backend = backend;
        _description = new MambaModelDescription(backend.ModelInfo, checkpoint, options.ChatTemplate, path, options.TrainingLength);
        Policy = options.LongContextPolicy.Resolve(Info);
        Baseline = options.Baseline;
        Baseline?.CheckModel(Info);
    }

    /// <inheritdoc cref="MambaModelDescription.Name"/>
    public string Name => _description.Name;

    /// <inheritdoc cref="MambaModelDescription.Info"/>
    public MambaModelInfo Info => _description.Info;

    /// <summary>What the model runs on now.</summary>
    public MambaEngineInfo EngineInfo => _backend.EngineInfo;

    /// <inheritdoc cref="MambaModelDescription.Metadata"/>
    public ModelMetadata Metadata => _description.Metadata;

    /// <inheritdoc cref="MambaModelDescription.HasTokenizer"/>
    public bool HasTokenizer => _description.HasTokenizer;

    /// <inheritdoc cref="MambaModelDescription.Tokenizer"/>
    public MambaTokenizer Tokenizer => _description.Tokenizer;

    /// <inheritdoc cref="MambaModelDescription.ChatTemplate"/>
    public ChatTemplate? ChatTemplate => _description.ChatTemplate;

    /// <inheritdoc cref="MambaModelDescription.GenerationDefaults"/>
    public GenerationDefaults GenerationDefaults => _description.GenerationDefaults;

    /// <summary>What the model's state looks like while it is healthy, for monitors that are told of no other, and for
    /// <see cref="LongContextPolicy.StateNorm(StateBaseline, float)"/>; null: not known. <c>mamba eval calibrate</c> measures it.</summary>
    public StateBaseline? Baseline { get; }

    internal IInferenceBackend Backend => _backend;

    /// <summary>That of sessions that nothing else is said of, resolved.</summary>
    internal LongContextPolicy Policy { get; }

    /// <summary>Loads a model.</summary>
    /// <param name="path">A directory (Hugging Face or state-spaces layout) or a GGUF file.</param>
    /// <param name="options">How to run it.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">Reading failed.</exception>
    /// <exception cref="ArgumentException">An option or an environment variable has no such value.</exception>
    /// <exception cref="MambaFormatException">The files are damaged, or of a kind that this build does not run.</exception>
    /// <exception cref="MambaStateMismatchException"><see cref="MambaModelOptions.Baseline"/> is of another model.</exception>
    /// <exception cref="MambaDeviceException">The device that was asked for cannot be used.</exception>
    /// <exception cref="MambaOutOfMemoryException">There is not enough memory.</exception>
    /// <exception cref="MambaNativeLibraryException">The native library could not be loaded.</exception>
    public static MambaModel Load(string path, MambaModelOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ModelHandle model = ModelHandle.Open(path);
        try
        {
            RequireTensors(model, path);
            return Start(model, path, options ?? new MambaModelOptions());
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Reads what a checkpoint says of itself, without loading it on a device: every weight is looked at once, none stays in
    /// memory.</summary>
    /// <param name="path">As for <see cref="Load"/>.</param>
    /// <returns>All that <see cref="MambaModel"/> says of a model but what it runs on.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">Reading failed.</exception>
    /// <exception cref="MambaFormatException">The files are damaged, or of a kind that this build does not run.</exception>
    /// <exception cref="MambaOutOfMemoryException">There is not enough memory.</exception>
    /// <exception cref="MambaNativeLibraryException">The native library could not be loaded.</exception>
    public static MambaModelDescription Inspect(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using ModelHandle model = ModelHandle.Open(path);
        RequireTensors(model, path);
        return new MambaModelDescription(MambaModelInfo.FromNative(model.GetInfo()), Checkpoint.Open(model, path, null), null, path);
    }

    /// <summary>Loads a model on a thread of the pool.</summary>
    /// <param name="path">As for <see cref="Load"/>.</param>
    /// <param name="options">How to run it.</param>
    /// <param name="cancellationToken">Looked at before loading begins: loading itself runs to its end.</param>
    /// <inheritdoc cref="Load" path="/exception"/>
    public static Task<MambaModel> LoadAsync(
        string path, MambaModelOptions? options = null, CancellationToken cancellationToken = default) =>
        Task.Run(() => Load(path, options), cancellationToken);

    /// <summary>A model of random weights: for measuring without a download. It has no tokenizer.</summary>
    /// <param name="shape">Its shape.</param>
    /// <param name="options">How to run it.</param>
    /// <inheritdoc cref="Load" path="/exception"/>
    public static MambaModel CreateRandom(MambaShape shape, MambaModelOptions? options = null)
    {
        ModelHandle model = OpenRandom(shape);
        try
        {
            return Start(model, null, options ?? new MambaModelOptions());
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Writes a model of random weights as a GGUF file, the same that <see cref="CreateRandom"/> makes: for measuring several
    /// programs on one file. It has no tokenizer and says so. The file appears whole or not at all.</summary>
    /// <param name="shape">Its shape.</param>
    /// <param name="destination">The file; replaced if it exists.</param>
    /// <param name="trainingLength">T_train, tokens, as the file is to say it; null: it says none.</param>
    /// <param name="progress">Told the part done, 0 to 1.</param>
    /// <param name="cancellationToken">Ends the writing; the destination is untouched then.</param>
    /// <exception cref="MambaFormatException">The shape is none that a model can have; the message says why.</exception>
    /// <exception cref="IOException">Writing failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="MambaOutOfMemoryException">There is not enough memory.</exception>
    /// <exception cref="MambaNativeLibraryException">The native library could not be loaded.</exception>
    public static void WriteRandom(
        MambaShape shape, string destination, long? trainingLength = null, IProgress<double>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(destination);
        ArgumentOutOfRangeException.ThrowIfLessThan(trainingLength ?? 1, 1, nameof(trainingLength));
        using ModelHandle model = OpenRandom(shape);
        MetadataWriter metadata = new();
        metadata.Add("tokenizer.ggml.model", "none");
        Checkpoint.AddTrainingLength(metadata, trainingLength);
        model.Write(destination, (int)MambaWeightType.AsStored, metadata.ToArray(), Report(progress), cancellationToken);
    }

    /// <summary>Reads only a tokenizer.</summary>
    /// <param name="path">A model directory, a <c>tokenizer.json</c>, or a GGUF file, also one that holds nothing but a vocabulary.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="MambaFormatException">The file is damaged, or the tokenizer is not known.</exception>
    public static MambaTokenizer LoadTokenizer(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Checkpoint.ReadTokenizer(path);
    }

    /// <summary>Writes a checkpoint of any kind as a GGUF file with tokenizer, chat template and generation defaults, without loading it on
    /// a device. The file appears whole or not at all.</summary>
    /// <param name="source">As for <see cref="Load"/>.</param>
    /// <param name="destination">The file; replaced if it exists.</param>
    /// <param name="weightType">The type of the matrices.</param>
    /// <param name="trainingLength">T_train, tokens, as the file is to say it; null: as <paramref name="source"/> does.</param>
    /// <param name="progress">Told the part done, 0 to 1.</param>
    /// <param name="cancellationToken">Ends the writing; the destination is untouched then.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <inheritdoc cref="Load" path="/exception"/>
    public static void Convert(
        string source, string destination, MambaWeightType weightType = MambaWeightType.AsStored, long? trainingLength = null,
        IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(source);
        ArgumentException.ThrowIfNullOrEmpty(destination);
        ArgumentOutOfRangeException.ThrowIfLessThan(trainingLength ?? 1, 1, nameof(trainingLength));
        using ModelHandle model = ModelHandle.Open(source);
        byte[] metadata = Checkpoint.Open(model, source, null).PackMetadata(trainingLength);
        model.Write(destination, (int)weightType, metadata, Report(progress), cancellationToken);
    }

    /// <summary>The devices that the native library knows, usable or not. The first is the CPU.</summary>
    /// <exception cref="MambaNativeLibraryException">The native library could not be loaded.</exception>
    public static IReadOnlyList<MambaDevice> GetDevices() => [.. Enumerable.Range(0, NativeDevices.Count).Select(index => MambaDevice.FromNative(NativeDevices.Get(index)))];

    /// <summary>A session with an empty state.</summary>
    /// <exception cref="MambaOutOfMemoryException">There is not enough memory for another state.</exception>
    /// <exception cref="NotSupportedException">The model's device does not have <see cref="MambaModelOptions.LongContextPolicy"/>.</exception>
    public MambaSession CreateSession() => new(this, CreateState(Policy));

    /// <summary>A session in the state that <see cref="MambaSession.Save"/> wrote.</summary>
    /// <param name="stream">Read to its end.</param>
    /// <exception cref="MambaFormatException">It is no session, or damaged.</exception>
    /// <exception cref="MambaStateMismatchException">It belongs to another model or version.</exception>
    public MambaSession LoadSession(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using MemoryStream buffer = new();
        stream.CopyTo(buffer);
        return LoadSession(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
    }

    /// <summary>A session in the state that <see cref="MambaSession.SaveAsync"/> wrote.</summary>
    /// <param name="stream">Read to its end.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <inheritdoc cref="LoadSession(Stream)" path="/exception"/>
    public async Task<MambaSession> LoadSessionAsync(Stream stream, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using MemoryStream buffer = new();
        await stream.CopyToAsync(buffer, cancellationToken).ConfigureAwait(false);
        return LoadSession(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
    }

    /// <summary>Appends one token to each of several sessions in one evaluation, which reads the weights once for all of them.</summary>
    /// <param name="sessions">Sessions of this model, each once.</param>
    /// <param name="tokens">One a session.</param>
    /// <param name="logits">[sessions, <see cref="MambaModelInfo.PaddedVocabSize"/>]: receives the logits after each token.</param>
    /// <param name="cancellationToken">Ends the evaluation; no session has moved then.</param>
    /// <remarks>When all have moved, monitors look at their sessions. What one of them throws is thrown when all have looked (several as an
    /// <see cref="AggregateException"/>); the tokens are read then and the logits written.</remarks>
    /// <exception cref="ArgumentException">A session is of another model, or a length does not fit.</exception>
    public void DecodeBatch(
        IReadOnlyList<MambaSession> sessions, ReadOnlySpan<int> tokens, Span<float> logits, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sessions);
        if (tokens.Length != sessions.Count || logits.Length != (long)sessions.Count * Info.PaddedVocabSize)
        {
            throw new ArgumentException(
                $"{sessions.Count} sessions need {sessions.Count} tokens and {(long)sessions.Count * Info.PaddedVocabSize} logits, " +
                $"not {tokens.Length} and {logits.Length}.");
        }

        int[] counts = new int[sessions.Count];
        Array.Fill(counts, 1);
        MambaSession.EvaluateBatch(this, sessions, tokens, counts, logits, cancellationToken);
    }

    /// <summary>Appends tokens to each of several sessions in one evaluation, which reads the weights once for as many tokens as fit a slice: a question to
    /// many states, for example.</summary>
    /// <param name="sessions">Sessions of this model, each once.</param>
    /// <param name="tokens">One or more a session.</param>
    /// <param name="logits">[sessions, <see cref="MambaModelInfo.PaddedVocabSize"/>]: receives the logits after each session's last token.</param>
    /// <param name="cancellationToken">Ends the evaluation; no session has moved then.</param>
    /// <remarks>Monitors look at their sessions behind the end, as with <see cref="DecodeBatch"/>.</remarks>
    /// <exception cref="ArgumentException">A session is of another model, a length does not fit, or a session has no tokens.</exception>
    public void EvaluateBatch(
        IReadOnlyList<MambaSession> sessions, IReadOnlyList<ReadOnlyMemory<int>> tokens, Span<float> logits,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sessions);
        ArgumentNullException.ThrowIfNull(tokens);
        if (tokens.Count != sessions.Count || logits.Length != (long)sessions.Count * Info.PaddedVocabSize)
        {
            throw new ArgumentException(
                $"{sessions.Count} sessions need as many texts and {(long)sessions.Count * Info.PaddedVocabSize} logits, " +
                $"not {tokens.Count} and {logits.Length}.");
        }

        int[] counts = [.. tokens.Select(text => text.Length)];
        if (counts.AsSpan().Contains(0))
        {
            throw new ArgumentException($"Session {counts.AsSpan().IndexOf(0)} has no tokens.", nameof(tokens));
        }

        int[] all = new int[counts.Sum()];
        int start = 0;
        foreach (ReadOnlyMemory<int> text in tokens)
        {
            text.Span.CopyTo(all.AsSpan(start));
            start += text.Length;
        }

        MambaSession.EvaluateBatch(this, sessions, all, counts, logits, cancellationToken);
    }

    /// <summary>Writes the model as a GGUF file with tokenizer, chat template, generation defaults and, where the options said it, its training
    /// length. The file appears whole or not at all.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="weightType">The type of the matrices.</param>
    /// <param name="progress">Told the part done, 0 to 1.</param>
    /// <param name="cancellationToken">Ends the writing; the file is untouched then.</param>
    /// <exception cref="IOException">Writing failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void Save(
        string path, MambaWeightType weightType = MambaWeightType.AsStored, IProgress<double>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _backend.Write(path, weightType, _description.PackMetadata(), Report(progress), cancellationToken);
    }

    /// <summary>Measures how fast this model's device and threads read memory, bytes a second: the ceiling that decoding is judged by.
    /// Takes about a second.</summary>
    public double MeasureBandwidth() => _backend.MeasureBandwidth();

    /// <summary>Frees the model as soon as its last session is disposed.</summary>
    public void Dispose() => _backend.Dispose();

    /// <summary>An empty state.</summary>
    /// <param name="policy">Resolved for this model.</param>
    internal IBackendSession CreateState(LongContextPolicy policy)
    {
        IBackendSession state = _backend.CreateSession();
        try
        {
            if (policy != LongContextPolicy.None)
            {
                state.SetPolicy(policy);
            }

            return state;
        }
        catch
        {
            state.Dispose();
            throw;
        }
    }

    internal MambaSession LoadSession(ReadOnlySpan<byte> state)
    {
        IBackendSession session = _backend.LoadSession(state);
        try
        {
            return new MambaSession(this, session, StateReader.TracksDecay(session, this));
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <exception cref="NotSupportedException">Its device does not have the policy.</exception>
    internal void RequireSupport(LongContextPolicy policy)
    {
        if (policy is DifferenceWindowPolicy difference && EngineInfo.Device != "cpu")
        {
            throw new NotSupportedException(
                $"The policy '{policy}' cannot run on {EngineInfo.Device}: it is there to verify another. " +
                $"Set 'window:{difference.Tokens}', or run this model on the CPU.");
        }
    }

    /// <exception cref="MambaFormatException">There is none, or one that is not known.</exception>
    internal ChatTemplate RequireChatTemplate() => ChatTemplate ?? throw new MambaFormatException(
        MambaErrorCode.NotFound,
        "The checkpoint declares no chat template, so it is probably no chat model. Pass the template that fits as " +
        "MambaModelOptions.ChatTemplate, for example ChatTemplate.ChatMl, or generate from a plain prompt.");

    private static void RequireTensors(ModelHandle model, string path)
    {
        if (model.GetInfo().layer_count == 0)
        {
            throw new MambaFormatException(
                MambaErrorCode.Unsupported,
                $"'{path}' holds a vocabulary and no tensors, so no model can run from it; MambaModel.LoadTokenizer reads its tokenizer.");
        }
    }

    private static ModelHandle OpenRandom(MambaShape shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return ModelHandle.CreateRandom(new NativeShape.__Internal
        {
            architecture = (int)shape.Architecture,
            layer_count = shape.LayerCount,
            d_model = shape.DModel,
            d_state = shape.DState,
            d_conv = shape.DConv,
            expand = shape.Expand,
            head_dim = shape.HeadDim,
            group_count = shape.GroupCount,
            vocab_size = shape.VocabSize,
            weight_type = (int)shape.WeightType,
            seed = shape.Seed,
        });
    }

    private static MambaModel Start(ModelHandle model, string? path, MambaModelOptions options)
    {
        Checkpoint checkpoint = Checkpoint.Open(model, path, options.TokenizerPath);
        NativeBackend backend = new(model, options);
        try
        {
            return new MambaModel(backend, checkpoint, options, path);
        }
        catch
        {
            backend.Dispose();
            throw;
        }
    }

    private static Action<long, long>? Report(IProgress<double>? progress) =>
        progress is null ? null : (done, total) => progress.Report(total == 0 ? 1 : (double)done / total);
}
