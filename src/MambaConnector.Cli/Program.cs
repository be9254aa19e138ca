using MambaConnector.Cli;

return await Tool.RunAsync(args, ToolConsole.System);
