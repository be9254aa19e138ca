using MambaConnector.Generation;
using Microsoft.Extensions.Options;

namespace MambaConnector.DependencyInjection;

/// <summary>Finds everything that is wrong with the options of one registration before a request does.</summary>
/// <param name="optionsName">The options of this name are checked, others are not.</param>
/// <param name="hasOwnModel">Whether the application registered the model.</param>
/// <param name="hasOwnStore">Whether the application registered the conversation store.</param>
/// <param name="hasDistributedCache">Whether the application registered a distributed cache.</param>
internal sealed class MambaServiceOptionsValidator(string optionsName, bool hasOwnModel, bool hasOwnStore, bool hasDistributedCache)
    : IValidateOptions<MambaServiceOptions>
{
    public ValidateOptionsResult Validate(string? name, MambaServiceOptions options)
    {
        if (name != optionsName)
        {
            return ValidateOptionsResult.Skip;
        }

        string[] failures = [.. ModelSource(options), .. Loading(options), .. Conversations(options), .. Serving(options)];
        return failures.Length == 0
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(failures.Select(failure =>
                $"{nameof(MambaServiceOptions)}{(name.Length == 0 ? "" : $" '{name}'")}: {failure}"));
    }

    private IEnumerable<string> ModelSource(MambaServiceOptions options)
    {
        if (hasOwnModel)
        {
            if (options.ModelPath is not null || options.ModelFactory is not null || options.ToModelOptions() != new MambaModelOptions())
            {
                yield return "the application registered a MambaModel, so ModelPath, ModelFactory, Device, ThreadCount, WeightType, Isa, " +
                    "TokenizerPath and TrainingLength say nothing: leave them out.";
            }
        }
        else if (options.ModelFactory is not null)
        {
            if (options.ModelPath is not null)
            {
                yield return $"there is a ModelFactory, and ModelPath is '{options.ModelPath}': set one of them.";
            }
        }
        else if (string.IsNullOrWhiteSpace(options.ModelPath))
        {
            yield return "ModelPath is not set. Name a model directory or a GGUF file, or set ModelFactory, as UseEmbeddedModel() of " +
                "MambaConnector.Models.Mamba2Chat does.";
        }
        else if (!Path.Exists(options.ModelPath))
        {
            yield return $"ModelPath is '{options.ModelPath}', and '{Path.GetFullPath(options.ModelPath)}' does not exist.";
        }
    }

    private static IEnumerable<string> Loading(MambaServiceOptions options)
    {
        if (options.Device is not null && Failure(() => MambaDevice.ParseId(options.Device, nameof(options.Device))) is string device)
        {
            yield return device;
        }

        if (options.ThreadCount < 1)
        {
            yield return $"ThreadCount is {options.ThreadCount}; use 1 or more, or leave it out for one a processor.";
        }

        if (options.Isa is MambaIsa isa && !Enum.IsDefined(isa))
        {
            yield return $"Isa is {isa}; use one of {string.Join(", ", Enum.GetNames<MambaIsa>())}.";
        }

        if (!Enum.IsDefined(options.WeightType))
        {
            yield return $"WeightType is {options.WeightType}; use one of {string.Join(", ", Enum.GetNames<MambaWeightType>())}.";
        }

        if (options.TrainingLength < 1)
        {
            yield return $"TrainingLength is {options.TrainingLength}; use 1 or more, or leave it out for what the checkpoint says.";
        }

        if (options.TokenizerPath is not null && !Path.Exists(options.TokenizerPath))
        {
            yield return $"TokenizerPath is '{options.TokenizerPath}', and '{Path.GetFullPath(options.TokenizerPath)}' does not exist.";
        }
    }

    private IEnumerable<string> Conversations(MambaServiceOptions options)
    {
        if (hasOwnStore)
        {
            if (options.ConversationDirectory is not null || options.UseDistributedCache || options.ConversationMaxBytes is not null ||
                options.ConversationExpiration is not null)
            {
                yield return "the application registered an IConversationStore, so ConversationDirectory, UseDistributedCache, " +
                    "ConversationMaxBytes and ConversationExpiration say nothing: leave them out.";
            }

            yield break;
        }

        if (options.UseDistributedCache && options.ConversationDirectory is not null)
        {
            yield return $"UseDistributedCache is set, and ConversationDirectory is '{options.ConversationDirectory}': set one of them.";
        }
        else if (options.UseDistributedCache && !hasDistributedCache)
        {
            yield return "UseDistributedCache is set, and no IDistributedCache is registered: register one, for example with " +
                "AddStackExchangeRedisCache or AddDistributedMemoryCache.";
        }

        if (options.ConversationDirectory is string directory && (directory.Length == 0 || File.Exists(directory)))
        {
            yield return $"ConversationDirectory is '{directory}', which is no directory.";
        }

        if (options.UseDistributedCache && options.ConversationMaxBytes is not null)
        {
            yield return "UseDistributedCache is set, and the cache limits its size itself: leave ConversationMaxBytes out.";
        }
        else if (options.ConversationMaxBytes < 1)
        {
            yield return $"ConversationMaxBytes is {options.ConversationMaxBytes}; use 1 or more.";
        }

        if (options.ConversationExpiration <= TimeSpan.Zero)
        {
            yield return $"ConversationExpiration is {options.ConversationExpiration}; use more than zero, or leave it out.";
        }
    }

    private static IEnumerable<string> Serving(MambaServiceOptions options)
    {
        if (Failure(options.Check) is string serving)
        {
            yield return serving;
        }
        else if (Failure(() => SamplingParameters.Resolve(options.Generation, new GenerationDefaults())) is string generation)
        {
            yield return $"Generation: {generation}";
        }

        if (options.Generation?.StopSequences?.Any(string.IsNullOrEmpty) is true)
        {
            yield return "Generation: a stop sequence is empty: it would end every reply at once.";
        }
    }

    private static string? Failure(Action check)
    {
        try
        {
            check();
            return null;
        }
        catch (ArgumentException exception)
        {
            return exception.Message.ReplaceLineEndings(" ");
        }
    }

    private static string? Failure<T>(Func<T> check) => Failure(() => { _ = check(); });
}
