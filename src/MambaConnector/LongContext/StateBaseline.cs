using System.Text.Json;
using MambaConnector.Io;
using MambaConnector.LongContext;

namespace MambaConnector;

/// <summary>What a model's state looks like while it is healthy: the largest norm, variance and |h| that each head has shown on calibration text within
/// the training length. A monitor compares sessions with it. Immutable; belongs to one model.</summary>
/// <remarks><c>mamba eval calibrate</c> writes one; <see cref="StateBaselineBuilder"/> makes one.</remarks>
public sealed class StateBaseline
{
    /// <summary>Creates a baseline.</summary>
    /// <param name="model"><see cref="MambaModelInfo.Fingerprint"/> of the model.</param>
    /// <param name="trainingLength">T_train, tokens: positions up to it were looked at.</param>
    /// <param name="tokens">Tokens read to calibrate, of all texts.</param>
    /// <param name="source">What was read, for people.</param>
    /// <param name="layers">One a layer, all with as many heads.</param>
    /// <exception cref="ArgumentException">There is no layer, the layers differ in their heads, or a number is out of its range.</exception>
    public StateBaseline(string model, long trainingLength, long tokens, string source, IReadOnlyList<LayerBaseline> layers)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(trainingLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 1);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(layers);
        if (layers.Count == 0 || layers.Any(layer => layer is null || layer.Norm.Length != layers[0].Norm.Length))
        {
            throw new ArgumentException("A baseline has at least one layer, and as many heads in each.", nameof(layers));
        }

        (Model, TrainingLength, Tokens, Source, Layers) = (model, trainingLength, tokens, source, [.. layers]);
    }

    /// <summary><see cref="MambaModelInfo.Fingerprint"/> of the model.</summary>
    public string Model { get; }

    /// <summary>T_train, tokens: positions up to it were looked at.</summary>
    public long TrainingLength { get; }

    /// <summary>Tokens read to calibrate, of all texts.</summary>
    public long Tokens { get; }

    /// <summary>What was read, for people.</summary>
    public string Source { get; }

    /// <summary>One a layer.</summary>
    public IReadOnlyList<LayerBaseline> Layers { get; }

    /// <summary>Reads a baseline that <see cref="Save"/> wrote.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">Reading failed.</exception>
    /// <exception cref="MambaFormatException">The file holds something else.</exception>
    public static StateBaseline Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return LongContextFile.Read(path, "a state's baseline", LongContextJson.Default.StateBaseline, baseline => baseline);
    }

    /// <summary>Reads a baseline from a stream, up to its end.</summary>
    /// <exception cref="IOException">Reading failed.</exception>
    /// <exception cref="MambaFormatException">It holds something else.</exception>
    public static StateBaseline Load(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return LongContextFile.Read(stream, "The stream", "a state's baseline", LongContextJson.Default.StateBaseline, baseline => baseline);
    }

    /// <summary>Writes the baseline as JSON: <c>{"model": "...", "training_length": T, "tokens": n, "source": "...", "layers": [{"norm": [...], "variance":
    /// [...], "max_abs": [...]}, ...]}</c>. The file appears whole or not at all.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <exception cref="IOException">Writing failed; the file is as before.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, this, LongContextJson.Default.StateBaseline));
    }

    /// <summary>Refuses a baseline that is not of this model: a norm means something only for the weights that it was measured with.</summary>
    /// <exception cref="MambaStateMismatchException">It is of another model, or of another shape.</exception>
    public void CheckModel(MambaModelInfo model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.Fingerprint != Model)
        {
            throw new MambaStateMismatchException(
                MambaErrorCode.Mismatch,
                $"The baseline was measured with the model {Model} and this one is {model.Fingerprint}: calibrate it with 'mamba eval calibrate'.");
        }

        if (Layers.Count != model.LayerCount || Layers[0].Norm.Length != StateHeads.Count(model))
        {
            throw new MambaStateMismatchException(
                MambaErrorCode.Mismatch,
                $"The baseline has {Layers.Count} layers of {Layers[0].Norm.Length} heads and the model {model.LayerCount} of {StateHeads.Count(model)}: " +
                "the file was changed. Calibrate the model with 'mamba eval calibrate'.");
        }
    }
}
