using System.CommandLine;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli;

/// <summary><c>--session FILE</c>: the state that a verb starts from, if the file is there, and leaves behind.</summary>
internal static class SessionFile
{
    /// <summary>The option.</summary>
    public static Option<string?> CreateOption() => new("--session")
    {
        HelpName = "file",
        Description = "Continue the session in this file, if it exists, and save it there afterwards.",
    };

    /// <summary>The session in the file, or an empty one.</summary>
    public static MambaSession Open(MambaModel model, string? path)
    {
        if (path is null || !File.Exists(path))
        {
            return model.CreateSession();
        }

        using FileStream stream = File.OpenRead(path);
        return model.LoadSession(stream);
    }

    /// <summary>Saves the session, so that the file is the old or the new one whenever the machine stops.</summary>
    public static void Save(MambaSession session, string? path)
    {
        if (path is not null)
        {
            AtomicOutput.Write(path, session.Save);
        }
    }
}
