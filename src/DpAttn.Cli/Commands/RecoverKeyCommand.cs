using System.CommandLine;
using System.Text.Json;
using DpAttn.Cli.Output;
using DpAttn.Server;
using DpAttn.Storage;

namespace DpAttn.Cli.Commands;

/// <summary>dpattn key recover: an operator key for whoever holds the machine, when the old one is lost.</summary>
internal static class RecoverKeyCommand
{
    public static Command Create(TextWriter output)
    {
        var data = new Option<string>("--data") { Description = "the server's data directory; no server may be using it", HelpName = "DIRECTORY", Required = true };
        var format = new OutputOption();
        var command = new Command("recover", "Make an operator key on the server's own machine, while no server runs; it is shown once") { data };
        format.AddTo(command);
        command.SetAction(async (parsed, token) =>
        {
            string key;
            try
            {
                key = await EmbeddedCluster.RecoverOperatorKeyAsync(parsed.GetValue(data)!, token).ConfigureAwait(false);
            }
            catch (StorageException e)
            {
                throw new DataFaultException(e.Message);
            }
            if (format.Read(parsed) == OutputFormat.Json)
                output.WriteLine(JsonSerializer.Serialize(new { Key = key }, Numbers.Json));
            else
                Tables.Write(output, "A new operator key, shown this once", Tables.Pairs(("key", key)));
            return ExitCode.Done;
        });
        return command;
    }
}
