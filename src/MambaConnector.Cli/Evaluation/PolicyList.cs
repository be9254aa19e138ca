using System.CommandLine;
using System.CommandLine.Parsing;

namespace MambaConnector.Cli.Evaluation;

/// <summary>The option <c>--policy</c> of verbs that compare policies: it may be given again and again.</summary>
internal static class PolicyList
{
    /// <summary>The option.</summary>
    public static Option<PolicyChoice[]> CreateOption() => new("--policy")
    {
        HelpName = "policy",
        Description = "A long-context policy: none, auto, window:4096, difference:4096, forget:0.9999,0.75, delta:0.5, decay:0.8, norm:FILE,1 or filter:FILE. " +
            "Several are compared. Default: none.",
        DefaultValueFactory = _ => [new PolicyChoice("none", LongContextPolicy.None)],
        CustomParser = Parse,
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = true,
    };

    /// <summary>The policies for a model, each once, in their order.</summary>
    /// <exception cref="UsageException">One does not fit the model, or two would have the same name in the result.</exception>
    public static EvaluatedPolicy[] Of(ParseResult parsed, Option<PolicyChoice[]> option, MambaModelInfo model)
    {
        EvaluatedPolicy[] policies =
            [.. parsed.GetValue(option)!.Select(choice => EvaluatedPolicy.Create(choice, model)).DistinctBy(policy => policy.Key)];
        return policies.CountBy(policy => policy.Label).FirstOrDefault(label => label.Value > 1).Key is string twice
            ? throw new UsageException($"--policy {twice} stands for two policies: its file was written while it was read. Start again.")
            : policies;
    }

    private static PolicyChoice[] Parse(ArgumentResult argument)
    {
        List<PolicyChoice> policies = [];
        foreach (Token token in argument.Tokens)
        {
            try
            {
                policies.Add(new PolicyChoice(token.Value, LongContextPolicy.Parse(token.Value)));
            }
            catch (Exception exception) when (exception is FormatException or IOException or UnauthorizedAccessException or MambaFormatException)
            {
                argument.AddError(exception.Message.ReplaceLineEndings(" "));
            }
        }

        return [.. policies];
    }
}
