using MambaConnector.Native;

namespace MambaConnector.Models;

/// <summary>All of a checkpoint but its weights: metadata, tokenizer, chat template, generation defaults. Thread-safe; the tokenizer is read
/// when it is first asked for.</summary>
internal sealed class Checkpoint
{
    // Keys of llama.cpp, except the last two: GGUF has none for a list of end tokens, nor for the length that a model was trained on.
    private const string TemplateKey = "tokenizer.chat_template";
    private const string TemperatureKey = "general.sampling.temp";
    private const string TopKKey = "general.sampling.top_k";
    private const string TopPKey = "general.sampling.top_p";
    private const string MinPKey = "general.sampling.min_p";
    private const string RepetitionPenaltyKey = "general.sampling.penalty_repeat";
    private const string EndTokensKey = "mamba_connector.end_token_ids";
    private const string TrainingLengthKey = "mamba_connector.training_length";
    private static readonly string[] EndTokenKeys = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];

    private readonly Lazy<MambaTokenizer>? _tokenizer;
    private readonly Lazy<GenerationDefaults> _defaults;
    private readonly CheckpointFiles? _files;
    private readonly bool _isTokenizerReplaced;

    /// <param name="metadata">GGUF keys, the file's own or those that it would have.</param>
    /// <param name="files">What lies beside the weights in a directory; null for a GGUF file.</param>
    /// <param name="readTokenizer">Reads the tokenizer; null when there is none.</param>
    /// <param name="isTokenizerReplaced">Whether the tokenizer is another than the metadata's.</param>
    public Checkpoint(ModelMetadata metadata, CheckpointFiles? files, Func<MambaTokenizer>? readTokenizer, bool isTokenizerReplaced = true)
    {
        Metadata = metadata;
        _files = files;
        _tokenizer = readTokenizer is null ? null : new Lazy<MambaTokenizer>(() => Read(readTokenizer));
        _isTokenizerReplaced = isTokenizerReplaced;
        _defaults = new Lazy<GenerationDefaults>(ReadDefaults);
    }

    public ModelMetadata Metadata { get; }

    public bool HasTokenizer => _tokenizer is not null;

    /// <exception cref="MambaFormatException">The checkpoint has none, or one that is not known.</exception>
    public MambaTokenizer Tokenizer => _tokenizer?.Value ?? throw new MambaFormatException(
        MambaErrorCode.NotFound,
        "The checkpoint has no tokenizer: put its tokenizer.json beside the weights, or pass MambaModelOptions.TokenizerPath. " +
        "Token ids work without one.");

    /// <summary>The Jinja text, or null.</summary>
    public string? ChatTemplate => _files is null ? Metadata.GetString(TemplateKey) : _files.ChatTemplate;

    public GenerationDefaults Defaults => _defaults.Value;

    /// <summary>Describes an open model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">Where it was opened; null for random weights.</param>
    /// <param name="tokenizerPath">A tokenizer to use in place of its own.</param>
    public static Checkpoint Open(ModelHandle model, string? path, string? tokenizerPath)
    {
        ModelMetadata metadata = new(model.ReadMetadata().Select(
            entry => KeyValuePair.Create(entry.Key, ModelMetadata.ParseValue(entry.Value, entry.Key))));
        CheckpointFiles? files = Directory.Exists(path) ? CheckpointFiles.Read(path) : null;
        string? file = tokenizerPath ?? (files is not null && File.Exists(Path.Combine(path!, "tokenizer.json")) ? path : null);
        return file is not null ? new Checkpoint(metadata, files, () => ReadTokenizer(file))
            : metadata.ContainsKey("tokenizer.ggml.tokens")
                ? new Checkpoint(metadata, files, () => MambaTokenizer.FromMetadata(metadata), isTokenizerReplaced: false)
                : new Checkpoint(metadata, files, null);
    }

    /// <summary>Reads a tokenizer by itself.</summary>
    /// <param name="path">A <c>tokenizer.json</c>, a directory that holds one, or a GGUF file, also one of a vocabulary and no tensors.</param>
    public static MambaTokenizer ReadTokenizer(string path)
    {
        string file = Directory.Exists(path) ? Path.Combine(path, "tokenizer.json") : path;
        if (file.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            return Read(() => MambaTokenizer.FromFile(file));
        }

        using ModelHandle model = ModelHandle.Open(file);
        return Open(model, file, null).Tokenizer;
    }

    /// <summary>The GGUF records that a file written from this checkpoint needs beside those of the weights.</summary>
    /// <param name="trainingLength">In place of the checkpoint's own; null: that.</param>
    public byte[] PackMetadata(long? trainingLength = null)
    {
        MetadataWriter writer = new();
        AddTrainingLength(writer, trainingLength);
        if (_tokenizer is not null && _isTokenizerReplaced)
        {
            Tokenizer.WriteMetadata(writer);
        }

        if (_files is not null)
        {
            AddIfSet(writer, TemplateKey, ChatTemplate);
            AddIfSet(writer, TemperatureKey, Defaults.Temperature);
            AddIfSet(writer, TopKKey, Defaults.TopK);
            AddIfSet(writer, TopPKey, Defaults.TopP);
            AddIfSet(writer, MinPKey, Defaults.MinP);
            AddIfSet(writer, RepetitionPenaltyKey, Defaults.RepetitionPenalty);
            AddIfSet(writer, EndTokensKey, Defaults.EndTokenIds.Count > 0 ? Defaults.EndTokenIds.ToArray() : null);
        }

        return writer.ToArray();
    }

    /// <summary>Adds the record of a training length, if there is one.</summary>
    public static void AddTrainingLength(MetadataWriter writer, long? trainingLength) =>
        AddIfSet(writer, TrainingLengthKey, trainingLength is long length ? (ulong)length : null);

    // The readers of tokenizers, which also read by themselves, know no error codes.
    private static MambaTokenizer Read(Func<MambaTokenizer> read)
    {
        try
        {
            return read();
        }
        catch (InvalidDataException exception)
        {
            throw new MambaFormatException(MambaErrorCode.BadFormat, exception.Message, exception);
        }
    }

    private static void AddIfSet(MetadataWriter writer, string key, object? value)
    {
        if (value is not null)
        {
            writer.Add(key, value);
        }
    }

    private GenerationDefaults ReadDefaults()
    {
        GenerationDefaults declared = _files?.Defaults ?? new GenerationDefaults
        {
            Temperature = (float?)Metadata.GetDouble(TemperatureKey),
            TopK = (int?)Metadata.GetInt64(TopKKey),
            TopP = (float?)Metadata.GetDouble(TopPKey),
            MinP = (float?)Metadata.GetDouble(MinPKey),
            RepetitionPenalty = (float?)Metadata.GetDouble(RepetitionPenaltyKey),
        };
        List<int> ends = [.. declared.EndTokenIds, .. Metadata.GetInt32s(EndTokensKey) ?? []];
        ends.AddRange(EndTokenKeys.Select(Metadata.GetInt64).OfType<long>().Select(id => (int)id));
        if (_files?.EndToken is string name && _tokenizer is not null && Tokenizer.TryGetId(name, out int end))
        {
            ends.Add(end);
        }

        return declared with { EndTokenIds = [.. ends.Distinct()] };
    }
}
