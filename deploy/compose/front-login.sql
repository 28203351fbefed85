-- The login of fronts, made or given its password again: it reads the membership and nothing else. For psql, as the owner of the tables, after the schema was applied.
\getenv password FRONT_PASSWORD
SELECT 'CREATE ROLE dpattn_front LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dpattn_front') \gexec
ALTER ROLE dpattn_front LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD :'password';
GRANT SELECT ON OrleansQuery, dpattn_cluster, dpattn_cluster_member, dpattn_cluster_schema TO dpattn_front;
