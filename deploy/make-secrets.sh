#!/bin/sh
# Makes what compose.yaml needs and nobody else may know: passwords (.env), the keys of the secrets in the database, and an authority with a certificate for silos and one for fronts.
# What is there already stays: losing secrets/silo/keys loses every secret that it wrapped. "--renew" makes new certificates of the authority.
# The authority is changed while the cluster runs in three steps, each handed over to all servers and read by them before the next: "--new-authority" makes another, and both are trusted; "--renew"; "--drop-old-authority".
#   deploy/make-secrets.sh [--renew | --new-authority | --drop-old-authority]
set -eu
umask 077
cd "$(dirname "$0")"
days=90
case "${1:-}" in
  "" | --renew | --new-authority | --drop-old-authority) ;;
  *) echo "make-secrets.sh: $1 is not known; it takes --renew, --new-authority or --drop-old-authority" >&2; exit 2 ;;
esac

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
# Each has a name of its own, so that of two that are trusted the right one is found.
authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=dpattn cluster authority $(openssl rand -hex 8)" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign" \
    -keyout secrets/authority/ca.key.new -out secrets/authority/ca.crt.new 2>/dev/null
}
# What every server trusts: the authority, and the one before it as long as that is there.
trusted() {
  for role in silo front; do
    if [ -e secrets/authority/old.crt ]; then cat secrets/authority/ca.crt secrets/authority/old.crt; else cat secrets/authority/ca.crt; fi > "secrets/$role/ca.crt.new"
    mv "secrets/$role/ca.crt.new" "secrets/$role/ca.crt"
  done
}
if [ ! -e secrets/authority/ca.crt ]; then
  authority
  mv secrets/authority/ca.key.new secrets/authority/ca.key
  mv secrets/authority/ca.crt.new secrets/authority/ca.crt
elif [ "${1:-}" = "--new-authority" ]; then
  if [ -e secrets/authority/old.crt ]; then
    echo "make-secrets.sh: the authority is being changed already; finish that with --renew and --drop-old-authority" >&2
    exit 1
  fi
  authority
  cp secrets/authority/ca.crt secrets/authority/old.crt
  mv secrets/authority/ca.key.new secrets/authority/ca.key
  mv secrets/authority/ca.crt.new secrets/authority/ca.crt
elif [ "${1:-}" = "--drop-old-authority" ]; then
  for role in silo front; do
    if ! openssl verify -CAfile secrets/authority/ca.crt "secrets/$role/tls.crt" > /dev/null 2>&1; then
      echo "make-secrets.sh: secrets/$role/tls.crt is not of the new authority; --renew first" >&2
      exit 1
    fi
  done
  rm -f secrets/authority/old.crt
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
  rm "secrets/$1/request.pem" "secrets/$1/extensions"
}
if [ "${1:-}" = "--renew" ]; then
  renew=yes
  if [ ! -e secrets/authority/ca.key ]; then
    echo "make-secrets.sh: secrets/authority/ca.key, which signs certificates, is not here; bring it back for the renewal" >&2
    exit 1
  fi
fi
certificate silo silo.dpattn serverAuth,clientAuth
certificate front front.dpattn clientAuth
trusted
