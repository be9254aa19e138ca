using MambaConnector.Models;

namespace MambaConnector;

/// <summary>All that a checkpoint says of itself, and nothing to run it with. Immutable and thread-safe; holds neither open files nor
/// native memory. The tokenizer, and with it the end tokens, is read from its file when it is first asked for.</summary>
/// <remarks><see cref="MambaModel.Inspect"/> reads it without loading the weights on a device.</remarks>
public sealed class MambaModelDescription
{
    private readonly Checkpoint _checkpoint;
    private readonly long? _trainingLength;
    private readonly Lazy<ChatTemplate?> _chatTemplate;

    internal MambaModelDescription(
        MambaModelInfo info, Checkpoint checkpoint, ChatTemplate? chatTemplate, string? path, long? trainingLength = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trainingLength ?? 1, 1, nameof(MambaModelOptions.TrainingLength));
        _checkpoint = checkpoint;
        _trainingLength = trainingLength;
        Info = info with { TrainingLength = trainingLength ?? info.TrainingLength };
        Name = checkpoint.Metadata.GetString("general.name") is { Length: > 0 } name ? name
            : path is not null ? Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)))
            : info.Architecture.ToString();
        _chatTemplate = new Lazy<ChatTemplate?>(
            () => chatTemplate ?? (checkpoint.ChatTemplate is string text ? ChatTemplate.FromJinja(text) : null));
    }

    /// <summary>The name that the checkpoint gives itself, or else that of its file or directory.</summary>
    public string Name { get; }

    /// <summary>Shape and size.</summary>
    public MambaModelInfo Info { get; }

    /// <summary>GGUF metadata: the file's own, or what a GGUF file of this directory would have.</summary>
    public ModelMetadata Metadata => _checkpoint.Metadata;

    /// <summary>Whether there is a tokenizer.</summary>
    public bool HasTokenizer => _checkpoint.HasTokenizer;

    /// <summary>The tokenizer, read on first use.</summary>
    /// <exception cref="MambaFormatException">The checkpoint has none, or one that is not known; the message says what to do.</exception>
    public MambaTokenizer Tokenizer => _checkpoint.Tokenizer;

    /// <summary>How conversations become tokens; null when the checkpoint declares no template.</summary>
    /// <exception cref="MambaFormatException">It declares one that is not known; the message says how to pass one.</exception>
    public ChatTemplate? ChatTemplate => _chatTemplate.Value;

    /// <summary>What the checkpoint says about generating with it.</summary>
    /// <exception cref="MambaFormatException">Its tokenizer, which names an end token, cannot be read.</exception>
    public GenerationDefaults GenerationDefaults => _checkpoint.Defaults;

    /// <inheritdoc cref="Checkpoint.PackMetadata"/>
    internal byte[] PackMetadata() => _checkpoint.PackMetadata(_trainingLength);
}
