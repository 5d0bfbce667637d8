#!/bin/bash
# Makes a certificate authority and a server certificate for trying the receiver, into certificates/ beside this script
# (kept out of git). A second run keeps what is there.
#   infra/receiver/make-certificate.sh [NAME-OR-ADDRESS …]     names of the receiver; localhost and 127.0.0.1 are always in
# For production use your own authority.
set -euo pipefail
umask 077

folder=${RECEIVER_CERTIFICATES:-$(dirname "$0")/certificates}
days=365
names="DNS:localhost,DNS:receiver,IP:127.0.0.1"
for name in "$@"; do
  if [[ $name =~ ^[0-9.]+$|: ]]; then names+=",IP:$name"; else names+=",DNS:$name"; fi
done

mkdir -p "$folder"
cd "$folder"
if [ -s server.pem ] && [ $# = 0 ]; then
  echo "certificates are there already: $PWD"
  exit 0
fi
if [ ! -s ca.pem ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$days" -subj "/CN=Suiro trial CA" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" \
    -keyout ca-key.pem -out ca.pem 2>/dev/null
fi
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=receiver" \
  -keyout server-key.pem -out server.csr 2>/dev/null
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days "$days" -out server.pem \
  -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$names") 2>/dev/null
rm -f server.csr
[ -s receiver.env ] || echo "RECEIVER_SHARED_KEY=$(openssl rand -hex 24)" >receiver.env
echo "certificates for $names: $PWD"
