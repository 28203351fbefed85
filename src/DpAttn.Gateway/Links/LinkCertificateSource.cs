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
    private static readonly TimeSpan Reminder = TimeSpan.FromHours(1);
    private readonly LinkFiles _files;
    private readonly LinkRole _own;
    private readonly ILogger _logger;
    private readonly Timer _timer;
    private readonly Lock _reading = new();
    private LinkBytes _seen;
    private volatile LinkCertificates _current;
    private LinkFault? _fault;
    private bool _isTold;
    private DateTime _reminded;

    /// <summary>Reads the files, and goes on doing so.</summary>
    /// <param name="files">Where they are.</param>
    /// <param name="own">What this process is.</param>
    /// <param name="logger">Told what changes, and what cannot be used.</param>
    /// <param name="interval">How often; default <see cref="DefaultInterval"/>.</param>
    /// <exception cref="LinkFaultException">They cannot be used.</exception>
    public LinkCertificateSource(LinkFiles files, LinkRole own, ILogger logger, TimeSpan? interval = null)
    {
        (_files, _own, _logger) = (files, own, logger);
        _seen = LinkBytes.Read(files);
        _current = LinkCertificates.Of(files, _seen, own);
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
            var found = LinkBytes.Read(_files);
            if (found != _seen)
            {
                // The files of one generation may be there before the others': what does not fit together now is read again.
                _current = LinkCertificates.Of(_files, found, _own);
                _seen = found;
                LogChanged(_current.Leaf.NotAfter.ToUniversalTime());
            }
            (_fault, _isTold) = (null, false);
            Remind(DateTime.Now);
        }
        catch (LinkFaultException e)
        {
            Tell(e.Fault);
            Remind(DateTime.Now);
        }
        catch (Exception e)
        {
            LogFailed(FaultText.Of(e));
        }
        finally
        {
            _reading.Exit();
        }
        Looked?.Invoke();
    }

    /// <summary>Tells a fault once, and not before it is found twice: of files that are being replaced the first look may see some only.</summary>
    private void Tell(LinkFault fault)
    {
        if (fault != _fault)
            (_fault, _isTold) = (fault, false);
        else if (!_isTold)
        {
            _isTold = true;
            LogUnusable(fault.Setting, fault.Text);
        }
    }

    private void Remind(DateTime now)
    {
        var (from, to) = (_current.Leaf.NotBefore, _current.Leaf.NotAfter);
        if (now < to - (to - from) * LateShare || now - _reminded < Reminder)
            return;
        _reminded = now;
        LogLate(to.ToUniversalTime());
    }

    [LoggerMessage(LogLevel.Information, "The cluster's certificates were read anew; this process's is good until {End:u}")]
    private partial void LogChanged(DateTime end);

    [LoggerMessage(LogLevel.Warning, "The certificate of this process in its cluster ends at {End:u}, and no newer one is there: afterwards the others refuse it")]
    private partial void LogLate(DateTime end);

    [LoggerMessage(LogLevel.Error, "The cluster's certificates have changed and cannot be used, those from before stay in use; {Setting}: {Text}")]
    private partial void LogUnusable(string setting, string text);

    [LoggerMessage(LogLevel.Error, "The cluster's certificates could not be looked at: {Fault}")]
    private partial void LogFailed(string fault);
}
