namespace DpAttn.Cli.Tests.Files;

/// <summary>A folder of a test's own, removed behind it.</summary>
internal sealed class Scratch : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("dpattn-").FullName;

    public string this[string name] => Path.Combine(_path, name);

    public string Write(string name, byte[] content)
    {
        File.WriteAllBytes(this[name], content);
        return this[name];
    }

    public string Write(string name, string content)
    {
        File.WriteAllText(this[name], content);
        return this[name];
    }

    public IEnumerable<string> Names => Directory.EnumerateFiles(_path).Select(path => Path.GetFileName(path)!);

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
