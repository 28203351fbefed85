using DpAttn.Storage;
using DpAttn.Storage.Child;

// A process that tests start and kill: "hold" opens a storage and waits, "load" writes, guarded by a witness, and tells each acknowledgement on a line of its own.
if (args is not [("hold" or "load") and var mode, var directory, var run])
    return 2;
await using var storage = await SqliteStorage.OpenAsync(mode == "load" ? Load.Options(directory) : new SqliteStorageOptions { Directory = directory });
if (mode == "load")
    await Load.VerifyAsync(storage);
Console.WriteLine("open");
if (mode == "load")
    await Load.RunAsync(storage, run);
else
    await Task.Delay(Timeout.Infinite);
return 0;
