using Microsoft.Extensions.Logging;

namespace DpAttn.Gateway;

/// <summary>
/// The certificates as they stand in their files. These are read again all the time, whole and not by notices, which symbolic links of mounted secrets do not give; what cannot be used is told, and what was there before
/// stays in use.
/// </summary>
internal sealed partial class LinkCertificateSource : IDisposable
{
    /// <summary>How often the files are read.</summary>
    public static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(5);

    // Whoever renews in time does so after two thirds of a certificate's life.
    private const double LateShare = 1.0 / 6;
    private static readonly TimeSpan DefaultReminder = TimeSpan.FromHours(1);
    private readonly LinkFiles _files;
    private readonly LinkRole _own;
    private readonly ILogger _logger;
    private readonly Timer _timer;
    private readonly Lock _reading = new();
    private readonly TimeSpan _reminder;
    private string _seen;
    private volatile LinkCertificates _current;
    private LinkFault? _fault;
    private DateTime? _told;
    private DateTime _reminded;

    /// <summary>Reads the files, and goes on doing so.</summary>
    /// <param name="files">Where they are.</param>
    /// <param name="own">What this process is.</param>
    /// <param name="logger">Told what changes, and what cannot be used.</param>
    /// <param name="interval">How often; default <see cref="DefaultInterval"/>.</param>
    /// <param name="reminder">After which time what is still wrong is told again; default an hour.</param>
    /// <exception cref="LinkFaultException">They cannot be used.</exception>
    public LinkCertificateSource(LinkFiles files, LinkRole own, ILogger logger, TimeSpan? interval = null, TimeSpan? reminder = null)
    {
        (_files, _own, _logger, _reminder) = (files, own, logger, reminder ?? DefaultReminder);
        // Before they are read: what changes in between is found by the next look.
        _seen = LinkBytes.DigestOf(files);
        _current = LinkCertificates.Of(files, LinkBytes.Read(files), own);
        if (LinkBytes.IsKeyPublic(files))
            LogPublicKey(files.Key.Length == 0 ? files.Certificate : files.Key);
        var every = interval ?? DefaultInterval;
        _timer = new Timer(_ => Read(), null, every, every);
    }

    /// <summary>What is to be used now.</summary>
    public LinkCertificates Current => _current;

    /// <summary>Each time when the files were looked at, changed or not.</summary>
    public event Action? Looked;

    public void Dispose() => _timer.Dispose();

    private void Read()
    {
        // One at a time; one that finds another at work has nothing to do.
        if (!_reading.TryEnter())
            return;
        try
        {
            Look();
            Remind(DateTime.Now);
            Looked?.Invoke();
        }
        catch (Exception e)
        {
            // On a thread of the timer, where it would end the process.
            LogFailed(FaultText.Of(e));
        }
        finally
        {
            _reading.Exit();
        }
    }

    private void Look()
    {
        try
        {
            var found = LinkBytes.DigestOf(_files);
            if (found != _seen)
            {
                // The files of one generation may be there before the others': what does not fit together now is read again.
                _current = LinkCertificates.Of(_files, LinkBytes.Read(_files), _own);
                _seen = found;
                LogChanged(_current.Leaf.NotAfter.ToUniversalTime());
            }
            (_fault, _told) = (null, null);
        }
        catch (LinkFaultException e)
        {
            Tell(e.Fault, DateTime.Now);
        }
        catch (Exception e)
        {
            // What is in use goes on being looked at.
            LogFailed(FaultText.Of(e));
        }
    }

    /// <summary>
    /// Tells a fault, and again as long as it lasts: an authority that was to be trusted no more still is. Not before it is found twice: of files that are being replaced the first look may see some only.
    /// </summary>
    private void Tell(LinkFault fault, DateTime now)
    {
        if (fault != _fault)
        {
            (_fault, _told) = (fault, null);
        }
        else if (_told is not { } told || now - told >= _reminder)
        {
            _told = now;
            LogUnusable(fault.Setting, fault.Text);
        }
    }

    private void Remind(DateTime now)
    {
        var (from, to) = (_current.Leaf.NotBefore, _current.Leaf.NotAfter);
        if (now < to - (to - from) * LateShare || now - _reminded < _reminder)
            return;
        _reminded = now;
        LogLate(to.ToUniversalTime());
    }

    [LoggerMessage(LogLevel.Information, "The cluster's certificates were read anew; this process's is good until {End:u}")]
    private partial void LogChanged(DateTime end);

    [LoggerMessage(LogLevel.Warning, "The certificate of this process in its cluster ends at {End:u}, and no newer one is there: afterwards the others refuse it")]
    private partial void LogLate(DateTime end);

    [LoggerMessage(LogLevel.Error, "The cluster's certificates have changed and cannot be used: those from before stay in use, and the authorities from before trusted; {Setting}: {Text}")]
    private partial void LogUnusable(string setting, string text);

    [LoggerMessage(LogLevel.Warning, "The private key in {Path} can be read by everybody on this machine, who could then pass for this process in its cluster: take the others' right to read it away")]
    private partial void LogPublicKey(string path);

    [LoggerMessage(LogLevel.Error, "The cluster's certificates could not be looked at: {Fault}")]
    private partial void LogFailed(string fault);
}
