namespace MambaConnector.LongContext;

/// <summary><see cref="LongContextPolicy.Auto"/>.</summary>
internal sealed record AutoPolicy : LongContextPolicy
{
    private protected override string Text => "auto";

    private protected override LongContextPolicy OfModel(MambaModelInfo model)
    {
        if (model.TrainingLength <= 0)
        {
            throw new ArgumentException(
                "The long-context policy 'auto' needs the model's training length, and the checkpoint does not say it. Set " +
                "MambaModelOptions.TrainingLength (in the tool --training-length), give the checkpoint the key " +
                "mamba_connector.training_length, or name a window, as in 'window:4096'.");
        }

        long window = model.TrainingLength / 2 / RestartWindowPolicy.Step * RestartWindowPolicy.Step;
        return window is > 0 and <= int.MaxValue
            ? RestartWindow((int)window)
            : throw new ArgumentException(
                $"The long-context policy 'auto' has no window for a training length of {model.TrainingLength} tokens: half of it has to be from " +
                $"{RestartWindowPolicy.Step} to {int.MaxValue}.");
    }
}
