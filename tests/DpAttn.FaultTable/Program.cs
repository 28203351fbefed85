using DpAttn.FaultTable;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

// dotnet run --project tests/DpAttn.FaultTable -c Release: the table. With arguments: this project's tests, as any other's.
if (args.Length == 0)
    return Table.Write(Console.Out);
return args.Any(arg => arg is "--server" or "--internal-msbuild-node")
    ? await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
    : await ConsoleRunner.Run(args);
