using DpAttn.Deploy.Tests.Support;

namespace DpAttn.Deploy.Tests.Image;

/// <summary>
/// The stages of the Dockerfile without a container: each a directory that is the root of its commands (chroot, in a mount namespace of their own), with this machine's SDK and runtime in the place of the base images'.
/// </summary>
internal sealed class ImageRoot : IDisposable
{
    // Binds what the stage does not write: everything of this machine at its place. What the commands leave is in the directory.
    private const string RunStage = """
        set -e
        root=$1 work=$2 command=$3
        for path in /*; do
          if [ -L "$path" ]; then cp -Pf "$path" "$root$path"
          elif [ -d "$path" ]; then
            mkdir -p "$root$path"
            [ -n "$(ls -A "$root$path")" ] || mount --rbind "$path" "$root$path"
          fi
        done
        exec chroot "$root" /bin/sh -c "cd $work && $command"
        """;

    // The final image has a C library, the runtime and the server: no shell, no SDK. All of it is read-only but one volume, a file system in memory that belongs to the user.
    private const string RunFinal = """
        set -e
        root=$1 user=$2 volume=$3
        shift 3
        image=$(mktemp -d)
        mount -t tmpfs tmpfs "$image"
        mkdir -p "$image/usr/lib" "$image/usr/share/dotnet" "$image/proc" "$image/dev" "$image/tmp"
        ln -s usr/lib "$image/lib"; ln -s usr/lib64 "$image/lib64"
        mount --bind -o ro /usr/lib "$image/usr/lib"
        mkdir "$image/usr/lib64"; [ -d /usr/lib64 ] && mount --bind -o ro /usr/lib64 "$image/usr/lib64"
        cp /usr/share/dotnet/dotnet "$image/usr/share/dotnet/"
        for part in host shared; do mkdir "$image/usr/share/dotnet/$part"; mount --bind -o ro "/usr/share/dotnet/$part" "$image/usr/share/dotnet/$part"; done
        mount -t proc proc "$image/proc"
        for device in null zero urandom; do : > "$image/dev/$device"; mount --bind "/dev/$device" "$image/dev/$device"; done
        for path in "$root"/*; do
          name=${path##*/}
          [ "$name" = var ] && continue
          mkdir -p "$image/$name"; mount --bind -o ro "$path" "$image/$name"
        done
        mkdir -p "$image/var/lib/dpattn"
        mount --bind "$volume" "$image/var/lib/dpattn"
        mount -o remount,ro "$image"
        exec setpriv --no-new-privs chroot --userspec="$user" "$image" "$@"
        """;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dpattn-image-");
    private readonly Dockerfile _file = Dockerfile.Read();

    /// <summary>Why no stage can be run here, or null.</summary>
    public static string? Missing =>
        !OperatingSystem.IsLinux() ? "stages are run on Linux only"
        : Command.Must("id", ["-u"]).Trim() != "0" ? "changing roots needs root"
        : ((string[])["unshare", "chroot", "setpriv", "git"]).FirstOrDefault(program => !Command.IsHere(program)) is { } missing ? $"there is no {missing}"
        : !Directory.Exists("/usr/share/dotnet/shared") ? "the .NET SDK is not in /usr/share/dotnet"
        : Command.Run("unshare", ["--mount", "true"]).Code != 0 ? "this machine gives nobody a mount namespace"
        : null;

    /// <summary>The root of a stage.</summary>
    public string Of(string stage) => Path.Combine(_directory.FullName, stage);

    /// <summary>Runs every instruction of every stage, on a copy of what is committed or about to be.</summary>
    public void Build()
    {
        var context = Path.Combine(_directory.FullName, "context");
        var ignored = File.ReadAllLines(Repository.In(".dockerignore")).ToHashSet();
        foreach (var file in Command.Must("git", ["ls-files"], Repository.Root).Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(file => !ignored.Contains(file.Split('/')[0]) && File.Exists(Repository.In(file))))
            Copy(Repository.In(file), Path.Combine(context, file));
        foreach (var stage in _file.Stages)
        {
            var work = "/";
            Directory.CreateDirectory(Of(stage.Name));
            foreach (var instruction in stage.Instructions)
            {
                if (instruction.Name == "WORKDIR")
                    Directory.CreateDirectory(Inside(stage, work = instruction.Arguments));
                else if (instruction.Name == "COPY")
                    CopyInto(stage, work, instruction, context);
                else if (instruction.Name == "RUN")
                    Command.Must("unshare", ["--mount", "--propagation", "private", "sh", "-c", RunStage, "sh", Of(stage.Name), work, instruction.Arguments]);
            }
        }
    }

    /// <summary>The command that runs a program in the final image as its user.</summary>
    /// <param name="volume">The directory at /var/lib/dpattn.</param>
    /// <param name="command">The program and its arguments.</param>
    public IReadOnlyList<string> InFinal(string volume, params string[] command) =>
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", RunFinal, "sh", Of(_file.Final.Name), Assert.Single(_file.Final.All("USER")).Arguments, volume, .. command];

    public void Dispose() => _directory.Delete(recursive: true);

    private void CopyInto(Stage stage, string work, Instruction copy, string context)
    {
        var from = copy.Option("from") is { } other ? Of(other) : context;
        var words = copy.Words;
        var target = Inside(stage, Path.Combine(work, words[^1]));
        foreach (var source in words[..^1].Select(word => Path.Combine(from, word.TrimStart('/'))))
        {
            if (File.Exists(source))
                Copy(source, words[^1].EndsWith('/') ? Path.Combine(target, Path.GetFileName(source)) : target);
            else
                Assert.True(Directory.Exists(source), $"{source} is not there to be copied");
            Directory.CreateDirectory(Directory.Exists(source) ? target : Path.GetDirectoryName(target)!);
            foreach (var file in Directory.Exists(source) ? Directory.GetFiles(source, "*", SearchOption.AllDirectories) : [])
                Copy(file, Path.Combine(target, Path.GetRelativePath(source, file)));
        }
        if (copy.Option("chown") is { } owner)
            Command.Must("chown", ["-R", owner, target]);
    }

    private string Inside(Stage stage, string path) => Path.Combine(Of(stage.Name), path.TrimStart('/'));

    private static void Copy(string source, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.Copy(source, target);
    }
}
