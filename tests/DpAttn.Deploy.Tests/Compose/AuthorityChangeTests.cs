using DpAttn.Deploy.Tests.Support;
using DpAttn.Server;

namespace DpAttn.Deploy.Tests.Compose;

/// <summary>Another authority in three steps of <c>make-secrets.sh</c>, while servers of one step and of the next speak to each other.</summary>
public sealed class AuthorityChangeTests
{
    [Fact]
    public void Servers_of_one_step_and_of_the_next_trust_each_other_and_in_the_end_the_old_authority_is_nobodys()
    {
        using var secrets = new MadeSecrets();
        List<string> steps = [Keep("0")];
        foreach (var step in (string[])["--new-authority", "--renew", "--drop-old-authority"])
        {
            secrets.Make(step);
            steps.Add(Keep($"{steps.Count}"));
        }
        foreach (var role in (string[])["silo", "front"])
        {
            var refused = new List<(int Certificate, int Authority)>();
            for (var certificate = 0; certificate < steps.Count; certificate++)
            {
                for (var authority = 0; authority < steps.Count; authority++)
                {
                    if (!IsTrusted(role, Path.Combine(steps[certificate], role), Path.Combine(steps[authority], role, "ca.crt")))
                        refused.Add((certificate, authority));
                }
            }
            Assert.Equal([(0, 3), (1, 3), (2, 0), (3, 0)], refused);
        }
        Assert.Equal(["ca.crt", "ca.key"], Directory.GetFiles(Path.Combine(secrets.Folder, "secrets", "authority")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        // It can be done again, and what the database needs has not changed.
        secrets.Make("--new-authority");
        Assert.Equal(File.ReadAllText(Path.Combine(steps[0], "silo", "keys")), File.ReadAllText(Path.Combine(secrets.Of("silo"), "keys")));

        string Keep(string step)
        {
            var kept = Directory.CreateDirectory(Path.Combine(secrets.Folder, "kept", step)).FullName;
            foreach (var role in (string[])["silo", "front"])
            {
                Directory.CreateDirectory(Path.Combine(kept, role));
                foreach (var file in Directory.GetFiles(secrets.Of(role)))
                    File.Copy(file, Path.Combine(kept, role, Path.GetFileName(file)));
            }
            return kept;
        }
    }

    [Fact]
    public void A_step_out_of_turn_is_refused_and_changes_nothing()
    {
        using var secrets = new MadeSecrets();
        secrets.Make("--new-authority");
        Refused("--new-authority", "is being changed already");
        Refused("--drop-old-authority", "secrets/silo/tls.crt is not of the new authority; --renew first");
        Refused("--renewed", "--renewed is not known");
        // Kept elsewhere, as the page says: nothing but a renewal needs it.
        var key = Path.Combine(secrets.Folder, "secrets", "authority", "ca.key");
        File.Move(key, key + ".elsewhere");
        var before = All();
        secrets.Make();
        Assert.Equal(before, All());
        Refused("--renew", "secrets/authority/ca.key, which signs certificates, is not here");

        void Refused(string step, string why)
        {
            var before = All();
            Assert.Contains(why, Assert.Throws<InvalidOperationException>(() => secrets.Make(step)).Message);
            Assert.Equal(before, All());
        }

        Dictionary<string, string> All() => Directory.GetFiles(secrets.Folder, "*", SearchOption.AllDirectories).ToDictionary(file => Path.GetRelativePath(secrets.Folder, file), File.ReadAllText);
    }

    /// <summary>What a server finds that has one step's certificate and another's authority: by the same check it looks at its peers'.</summary>
    private static bool IsTrusted(string role, string certificate, string authority)
    {
        try
        {
            ServerSettings.Read(new Dictionary<string, string>
            {
                ["DPATTN__ROLE"] = role,
                ["DPATTN__CLUSTERING"] = "postgres",
                ["DPATTN__STORAGE"] = "postgres",
                ["DPATTN__POSTGRESCONNECTION"] = "Host=db",
                ["DPATTN__WITNESSCONNECTION"] = role == "silo" ? "Host=witness" : "",
                ["DPATTN__KEYFILE"] = role == "silo" ? Path.Combine(certificate, "keys") : "",
                ["DPATTN__CLUSTERTLS"] = "mutual",
                ["DPATTN__CLUSTERCERTIFICATE"] = Path.Combine(certificate, "tls.crt"),
                ["DPATTN__CLUSTERCERTIFICATEKEY"] = Path.Combine(certificate, "tls.key"),
                ["DPATTN__CLUSTERAUTHORITY"] = authority,
            });
            return true;
        }
        catch (SettingsException e)
        {
            Assert.StartsWith("DpAttn:ClusterCertificate is", e.Message);
            return false;
        }
    }
}
