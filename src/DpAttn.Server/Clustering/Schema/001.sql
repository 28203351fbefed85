-- Where the silos of a cluster find each other. Orleans' ADO.NET clustering reads the texts of its queries from OrleansQuery, passes parameters and reads
-- columns by name, and wants from a change one row with one number, 0 for "somebody was faster". Tables and texts are this program's own.

CREATE TABLE OrleansQuery
(
    QueryKey varchar(64) NOT NULL PRIMARY KEY,
    QueryText varchar(8000) NOT NULL
);

-- One row per cluster. Every change of its members moves the version, and is made only from the version that its maker has read.
CREATE TABLE dpattn_cluster
(
    DeploymentId varchar(150) NOT NULL PRIMARY KEY,
    Version integer NOT NULL
);

CREATE TABLE dpattn_cluster_member
(
    DeploymentId varchar(150) NOT NULL REFERENCES dpattn_cluster,
    Address varchar(45) NOT NULL,
    Port integer NOT NULL,
    Generation integer NOT NULL,
    SiloName varchar(150) NOT NULL,
    HostName varchar(150) NOT NULL,
    Status integer NOT NULL,
    ProxyPort integer NOT NULL,
    SuspectTimes text NULL,
    StartTime timestamptz(3) NOT NULL,
    IAmAliveTime timestamptz(3) NOT NULL,
    PRIMARY KEY (DeploymentId, Address, Port, Generation)
);

INSERT INTO OrleansQuery (QueryKey, QueryText) VALUES
('InsertMembershipVersionKey', '
    WITH made AS (INSERT INTO dpattn_cluster (DeploymentId, Version) VALUES (@DeploymentId, 0) ON CONFLICT DO NOTHING RETURNING 1)
    SELECT count(*)::integer FROM made
'),
-- The version's row is locked by whoever moves it; a member that is there already leaves it where it is.
('InsertMembershipKey', '
    WITH moved AS (
        UPDATE dpattn_cluster SET Version = Version + 1
        WHERE DeploymentId = @DeploymentId AND Version = @Version AND NOT EXISTS (
            SELECT 1 FROM dpattn_cluster_member AS known
            WHERE known.DeploymentId = @DeploymentId AND known.Address = @Address AND known.Port = @Port AND known.Generation = @Generation)
        RETURNING DeploymentId),
    made AS (
        INSERT INTO dpattn_cluster_member (DeploymentId, Address, Port, Generation, SiloName, HostName, Status, ProxyPort, StartTime, IAmAliveTime)
        SELECT DeploymentId, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime FROM moved
        RETURNING 1)
    SELECT count(*)::integer FROM made
'),
('UpdateMembershipKey', '
    WITH moved AS (
        UPDATE dpattn_cluster SET Version = Version + 1
        WHERE DeploymentId = @DeploymentId AND Version = @Version AND EXISTS (
            SELECT 1 FROM dpattn_cluster_member AS known
            WHERE known.DeploymentId = @DeploymentId AND known.Address = @Address AND known.Port = @Port AND known.Generation = @Generation)
        RETURNING DeploymentId),
    changed AS (
        UPDATE dpattn_cluster_member AS member SET Status = @Status, SuspectTimes = @SuspectTimes, IAmAliveTime = @IAmAliveTime
        FROM moved
        WHERE member.DeploymentId = moved.DeploymentId AND member.Address = @Address AND member.Port = @Port AND member.Generation = @Generation
        RETURNING 1)
    SELECT count(*)::integer FROM changed
'),
('UpdateIAmAlivetimeKey', '
    UPDATE dpattn_cluster_member SET IAmAliveTime = @IAmAliveTime
    WHERE DeploymentId = @DeploymentId AND Address = @Address AND Port = @Port AND Generation = @Generation
'),
-- Both readings give the version also where they find no member.
('MembershipReadRowKey', '
    SELECT cluster.DeploymentId, Address, Port, Generation, SiloName, HostName, Status, ProxyPort, SuspectTimes, StartTime, IAmAliveTime, Version
    FROM dpattn_cluster AS cluster
    LEFT JOIN dpattn_cluster_member AS member ON member.DeploymentId = cluster.DeploymentId AND Address = @Address AND Port = @Port AND Generation = @Generation
    WHERE cluster.DeploymentId = @DeploymentId
'),
('MembershipReadAllKey', '
    SELECT cluster.DeploymentId, Address, Port, Generation, SiloName, HostName, Status, ProxyPort, SuspectTimes, StartTime, IAmAliveTime, Version
    FROM dpattn_cluster AS cluster
    LEFT JOIN dpattn_cluster_member AS member ON member.DeploymentId = cluster.DeploymentId
    WHERE cluster.DeploymentId = @DeploymentId
'),
('GatewaysQueryKey', '
    SELECT Address, ProxyPort, Generation FROM dpattn_cluster_member WHERE DeploymentId = @DeploymentId AND Status = @Status AND ProxyPort > 0
'),
('DeleteMembershipTableEntriesKey', '
    WITH members AS (DELETE FROM dpattn_cluster_member WHERE DeploymentId = @DeploymentId)
    DELETE FROM dpattn_cluster WHERE DeploymentId = @DeploymentId
'),
-- 3 is active. Silos that have ended, or never joined, and have not been heard of since.
('CleanupDefunctSiloEntriesKey', '
    DELETE FROM dpattn_cluster_member WHERE DeploymentId = @DeploymentId AND IAmAliveTime < @IAmAliveTime AND Status <> 3
'),
-- One of them, as later versions of Orleans ask for it, if it is still as it was read. 6 is dead.
('CleanupDefunctSiloEntryKey', '
    DELETE FROM dpattn_cluster_member
    WHERE DeploymentId = @DeploymentId AND Address = @Address AND Port = @Port AND Generation = @Generation AND Status = 6
        AND StartTime = @StartTime AND IAmAliveTime = @IAmAliveTime AND SuspectTimes IS NOT DISTINCT FROM @SuspectTimes
');
