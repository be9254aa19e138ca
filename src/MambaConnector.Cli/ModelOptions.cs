using System.CommandLine;
using MambaConnector.Models;

namespace MambaConnector.Cli;

/// <summary>The options that every verb with a model has, and the model that they name.</summary>
internal sealed class ModelOptions
{
    private readonly Option<string?> _model = new("--model", "-m")
    {
        HelpName = "path",
        Description = $"A Hugging Face or state-spaces directory, or a GGUF file. Default: the embedded {Mamba2Chat.Name}.",
    };

    private readonly Option<string?> _device = new("--device")
    {
        HelpName = "cpu|cuda:0|auto",
        Description = "Where to run; auto is the first CUDA device that can be used, or else the cpu. Default: MAMBA_DEVICE, or else cpu.",
    };

    private readonly Option<int?> _threads = new("--threads", "-t")
    {
        HelpName = "n",
        Description = "Threads of the engine. Default: MAMBA_THREADS, or else one a processor.",
    };

    private readonly Option<string?> _isa = new("--isa")
    {
        HelpName = "name",
        Description = "CPU instruction set: scalar, avx2, avx512, amx or neon. Default: MAMBA_ISA, or else the best there is.",
    };

    /// <summary>Adds <c>--model</c>, and the choice of a device where the verb computes.</summary>
    public static ModelOptions AddTo(Command command, bool computes = true)
    {
        ModelOptions options = new();
        command.Add(options._model);
        if (computes)
        {
            options._threads.MustBe(count => count > 0, "a whole number above 0");
            options._isa.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, "auto", "scalar", "avx2", "avx512", "amx", "neon");
            command.Add(options._device);
            command.Add(options._threads);
            command.Add(options._isa);
        }

        return options;
    }

    /// <summary>What the user calls the model: its path, or the name of the embedded one.</summary>
    public string Name(ParseResult parsed) => parsed.GetValue(_model) ?? Mamba2Chat.Name;

    /// <summary>Where the model is.</summary>
    public string Path(ParseResult parsed) => parsed.GetValue(_model) ?? Mamba2Chat.Path;

    /// <summary>Whether a model was named.</summary>
    public bool IsGiven(ParseResult parsed) => parsed.GetValue(_model) is not null;

    /// <summary>Opens the model.</summary>
    public MambaModel Load(ParseResult parsed) => Load(parsed, ToOptions(parsed));

    /// <summary>Opens the model with options of the verb's own.</summary>
    public MambaModel Load(ParseResult parsed, MambaModelOptions options) =>
        parsed.GetValue(_model) is string path ? MambaModel.Load(path, options) : Mamba2Chat.Load(options);

    /// <summary>What the options say about how to run; what they leave open the environment decides.</summary>
    public MambaModelOptions ToOptions(ParseResult parsed) => new()
    {
        Device = parsed.GetValue(_device),
        ThreadCount = parsed.GetValue(_threads),
        Isa = parsed.GetValue(_isa) is string name ? Enum.Parse<MambaIsa>(name, ignoreCase: true) : null,
    };
}
