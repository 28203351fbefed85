namespace DpAttn.Deploy.Tests.Support;

/// <summary>What <c>deploy/make-secrets.sh</c> makes, in a directory of its own that goes with it.</summary>
internal sealed class MadeSecrets : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dpattn-secrets-");

    public MadeSecrets()
    {
        Assert.SkipUnless(Command.IsHere("openssl"), "there is no openssl to make certificates with");
        File.Copy(Repository.In("deploy", "make-secrets.sh"), Path.Combine(_directory.FullName, "make-secrets.sh"));
        Make();
    }

    public string Folder => _directory.FullName;

    /// <summary>What a role is given: tls.crt, tls.key, ca.crt, and a silo its keys.</summary>
    public string Of(string role) => Path.Combine(Folder, "secrets", role);

    /// <summary>The passwords, by the names by which compose.yaml refers to them.</summary>
    public IReadOnlyDictionary<string, string> Passwords =>
        File.ReadLines(Path.Combine(Folder, ".env")).Select(line => line.Split('=', 2)).ToDictionary(parts => parts[0], parts => parts[1]);

    public void Make(params string[] arguments) => Command.Must("sh", [Path.Combine(Folder, "make-secrets.sh"), .. arguments]);

    public void Dispose() => _directory.Delete(recursive: true);
}
