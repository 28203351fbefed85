#!/bin/sh
# Makes what compose.yaml needs and nobody else may know: passwords (.env), the keys of the secrets in the database, and an authority with a certificate for silos and one for fronts.
# What is there already stays: losing secrets/silo/keys loses every secret that it wrapped. "--renew" makes new certificates of the same authority.
#   deploy/make-secrets.sh [--renew]
set -eu
umask 077
cd "$(dirname "$0")"
days=90

if [ ! -e .env ]; then
  for name in DATABASE FRONT WITNESS GRAFANA; do
    echo "DPATTN_${name}_PASSWORD=$(openssl rand -hex 24)"
  done > .env.new
  mv .env.new .env
fi

mkdir -p secrets/authority secrets/silo secrets/front
if [ ! -e secrets/silo/keys ]; then
  echo "k1 $(openssl rand -base64 32)" > secrets/silo/keys.new
  mv secrets/silo/keys.new secrets/silo/keys
fi

# The authority's key is needed for renewals only: keep it away from the machines that run the cluster.
if [ ! -e secrets/authority/ca.key ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=dpattn cluster authority" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign" \
    -keyout secrets/authority/ca.key -out secrets/authority/ca.crt 2>/dev/null
fi

# certificate ROLE DNS-NAME USAGES
certificate() {
  if [ -e "secrets/$1/tls.crt" ] && [ "${renew:-}" = "" ]; then return; fi
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=dpattn $1" -keyout "secrets/$1/tls.key.new" -out "secrets/$1/request.pem" 2>/dev/null
  printf 'subjectAltName=DNS:%s\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n' "$2" "$3" > "secrets/$1/extensions"
  openssl x509 -req -in "secrets/$1/request.pem" -CA secrets/authority/ca.crt -CAkey secrets/authority/ca.key -set_serial "0x$(openssl rand -hex 16)" -days $days \
    -extfile "secrets/$1/extensions" -out "secrets/$1/tls.crt.new" 2>/dev/null
  mv "secrets/$1/tls.key.new" "secrets/$1/tls.key"
  mv "secrets/$1/tls.crt.new" "secrets/$1/tls.crt"
  cp secrets/authority/ca.crt "secrets/$1/ca.crt"
  rm "secrets/$1/request.pem" "secrets/$1/extensions"
}
if [ "${1:-}" = "--renew" ]; then renew=yes; fi
certificate silo silo.dpattn serverAuth,clientAuth
certificate front front.dpattn clientAuth
